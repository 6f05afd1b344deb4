#include "hub/control_codec.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/utf8.h"
#include "protocol/names.h"

namespace pushwire::hub {
namespace {

static_assert(std::endian::native == std::endian::little, "integers are written as they lie in memory");

constexpr std::uint8_t kVersion = 1;

// Never change one, never use one again.
enum Kind : std::uint8_t { kAnnouncement = 1, kGoodbye = 2, kQuestion = 3, kAnswer = 4 };
enum Asked : std::uint8_t { kListSessions = 1, kCountSubscribers = 2, kKickUser = 3, kKickSession = 4 };
enum Answered : std::uint8_t { kSessions = 1, kCount = 2 };
enum Flag : std::uint8_t { kDraining = 1, kCurious = 2, kLast = 1, kTruncated = 2 };

std::uint8_t flag_if(bool set, Flag flag) {
  return set ? static_cast<std::uint8_t>(flag) : std::uint8_t{0};
}

class Writer {
 public:
  explicit Writer(Kind kind, std::uint64_t run) {
    number(kVersion);
    number(static_cast<std::uint8_t>(kind));
    number(run);
  }
  template <class T>
  void number(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view bytes) {
    bytes = bytes.substr(0, kMaxControlText);
    number(static_cast<std::uint8_t>(bytes.size()));
    out_ += bytes;
  }
  void session(const session::SessionId& id) {
    out_.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// After the first fault everything it reads is empty, and ok() false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  std::size_t left() const { return rest_.size(); }
  void refuse() { ok_ = false; }
  template <class T>
  T number() {
    T value{};
    const std::string_view bytes = take(sizeof value);
    if (ok_) {
      std::memcpy(&value, bytes.data(), sizeof value);
    }
    return value;
  }
  std::string text() {
    const std::string_view bytes = take(number<std::uint8_t>());
    if (!is_valid_utf8(bytes)) {
      refuse();
    }
    return ok_ ? std::string(bytes) : std::string();
  }
  session::SessionId session() {
    session::SessionId id;
    const std::string_view bytes = take(id.bytes.size());
    if (ok_) {
      std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
    }
    return id;
  }

 private:
  std::string_view take(std::size_t bytes) {
    if (!ok_ || bytes > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  std::string_view rest_;
  bool ok_ = true;
};

// --- out ---------------------------------------------------------------------------------------------------------

std::string encode(std::uint64_t run, const Announcement& announcement) {
  Writer out(kAnnouncement, run);
  out.text(announcement.version);
  out.number(announcement.uptime_ms);
  out.number(announcement.connections);
  out.number(announcement.users);
  out.number(announcement.subscriptions);
  out.number(
      static_cast<std::uint8_t>(flag_if(announcement.draining, kDraining) | flag_if(announcement.curious, kCurious)));
  return out.take();
}

std::string encode(std::uint64_t run, const Goodbye&) {
  return Writer(kGoodbye, run).take();
}

std::string encode(std::uint64_t run, const NodeQuestion& question) {
  Writer out(kQuestion, run);
  out.number(question.number);
  if (const auto* list = std::get_if<ListSessions>(&question.question)) {
    out.number(static_cast<std::uint8_t>(kListSessions));
    out.text(list->user);
  } else if (const auto* count = std::get_if<CountSubscribers>(&question.question)) {
    out.number(static_cast<std::uint8_t>(kCountSubscribers));
    out.text(count->topic);
  } else {
    const auto& kick = std::get<KickUser>(question.question);
    out.number(static_cast<std::uint8_t>(kick.session ? kKickSession : kKickUser));
    out.text(kick.user);
    if (kick.session) {
      out.session(*kick.session);
    }
  }
  return out.take();
}

std::uint16_t list_size(std::size_t size) {
  return static_cast<std::uint16_t>(std::min<std::size_t>(size, std::numeric_limits<std::uint16_t>::max()));
}

std::string encode(std::uint64_t run, const NodeAnswer& answer) {
  Writer out(kAnswer, run);
  out.number(answer.to_run);
  out.number(answer.number);
  out.number(answer.part);
  out.number(static_cast<std::uint8_t>(flag_if(answer.last, kLast) | flag_if(answer.truncated, kTruncated)));
  if (const auto* count = std::get_if<Count>(&answer.answer)) {
    out.number(static_cast<std::uint8_t>(kCount));
    out.number(count->count);
    return out.take();
  }
  const std::vector<SessionInfo>& sessions = std::get<SessionList>(answer.answer).sessions;
  out.number(static_cast<std::uint8_t>(kSessions));
  out.number(list_size(sessions.size()));
  for (std::size_t i = 0; i < list_size(sessions.size()); ++i) {
    const SessionInfo& session = sessions[i];
    out.session(session.session);
    out.text(session.device);
    out.text(session.remote);
    out.number(session.connected_at);
    out.number(session.last_seen_at);
    out.number(list_size(session.topics.size()));
    for (std::size_t topic = 0; topic < list_size(session.topics.size()); ++topic) {
      out.text(session.topics[topic]);
    }
  }
  return out.take();
}

// --- in ----------------------------------------------------------------------------------------------------------

Announcement read_announcement(Reader& in) {
  Announcement announcement;
  announcement.version = in.text();
  announcement.uptime_ms = in.number<std::uint64_t>();
  announcement.connections = in.number<std::uint64_t>();
  announcement.users = in.number<std::uint64_t>();
  announcement.subscriptions = in.number<std::uint64_t>();
  const auto flags = in.number<std::uint8_t>();
  announcement.draining = (flags & kDraining) != 0;
  announcement.curious = (flags & kCurious) != 0;
  return announcement;
}

std::string read_user(Reader& in) {
  std::string user = in.text();
  if (!protocol::is_valid_user_id(user)) {
    in.refuse();
  }
  return user;
}

std::string read_topic(Reader& in) {
  std::string topic = in.text();
  if (!protocol::is_valid_topic(topic)) {
    in.refuse();
  }
  return topic;
}

// Nothing: it asks something that only a later version understands.
std::optional<NodeQuestion> read_question(Reader& in) {
  NodeQuestion question;
  question.number = in.number<std::uint64_t>();
  const auto asked = in.number<std::uint8_t>();
  switch (asked) {
    case kListSessions:
      question.question = ListSessions{read_user(in)};
      return question;
    case kCountSubscribers:
      question.question = CountSubscribers{read_topic(in)};
      return question;
    case kKickUser:
      question.question = KickUser{read_user(in), std::nullopt};
      return question;
    case kKickSession: {
      std::string user = read_user(in);
      question.question = KickUser{std::move(user), in.session()};
      return question;
    }
    default:
      return std::nullopt;
  }
}

SessionInfo read_session(Reader& in) {
  SessionInfo session;
  session.session = in.session();
  session.device = in.text();
  session.remote = in.text();
  session.connected_at = in.number<std::int64_t>();
  session.last_seen_at = in.number<std::int64_t>();
  const auto topics = in.number<std::uint16_t>();
  for (std::uint16_t i = 0; i < topics && in.ok(); ++i) {
    session.topics.push_back(read_topic(in));
  }
  return session;
}

std::optional<NodeAnswer> read_answer(Reader& in) {
  NodeAnswer answer;
  answer.to_run = in.number<std::uint64_t>();
  answer.number = in.number<std::uint64_t>();
  answer.part = in.number<std::uint16_t>();
  const auto flags = in.number<std::uint8_t>();
  answer.last = (flags & kLast) != 0;
  answer.truncated = (flags & kTruncated) != 0;
  const auto answered = in.number<std::uint8_t>();
  if (answered == kCount) {
    answer.answer = Count{in.number<std::uint64_t>()};
    return answer;
  }
  if (answered != kSessions) {
    return std::nullopt;
  }
  SessionList list;
  const auto sessions = in.number<std::uint16_t>();
  for (std::uint16_t i = 0; i < sessions && in.ok(); ++i) {
    list.sessions.push_back(read_session(in));
  }
  answer.answer = std::move(list);
  return answer;
}

template <class Body>
DecodedControl finished(const Reader& in, std::uint64_t run, std::optional<Body> body) {
  if (!in.ok()) {
    return {std::nullopt, ControlFault::kDamaged};
  }
  if (!body) {
    return {std::nullopt, ControlFault::kUnknown};
  }
  return {ControlMessage{run, std::move(*body)}, {}};
}

}  // namespace

std::string encode_control(const ControlMessage& message) {
  return std::visit([&](const auto& body) { return encode(message.run, body); }, message.body);
}

DecodedControl decode_control(std::string_view bytes) {
  Reader in(bytes);
  const auto version = in.number<std::uint8_t>();
  if (in.ok() && version != kVersion) {
    return {std::nullopt, ControlFault::kUnknown};
  }
  const auto kind = in.number<std::uint8_t>();
  const auto run = in.number<std::uint64_t>();
  switch (kind) {
    case kAnnouncement: {
      std::optional announcement = read_announcement(in);
      return finished(in, run, std::move(announcement));
    }
    case kGoodbye:
      return finished(in, run, std::optional(Goodbye{}));
    case kQuestion: {
      std::optional question = read_question(in);
      return finished(in, run, std::move(question));
    }
    case kAnswer: {
      std::optional answer = read_answer(in);
      return finished(in, run, std::move(answer));
    }
    default:
      return finished(in, run, std::optional<Goodbye>());
  }
}

bool is_node_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxControlText && is_valid_utf8(name);
}

std::size_t encoded_size(const SessionInfo& session) {
  std::size_t sum = sizeof session.session + 2 + 8 + 8 + 2 + session.device.size() + session.remote.size();
  for (const std::string& topic : session.topics) {
    sum += 1 + topic.size();
  }
  return sum;
}

std::vector<NodeAnswer> split_answer(const NodeQuestion& question, std::uint64_t to_run, Answer&& answer,
                                     const AnswerLimits& limits) {
  NodeAnswer next{.to_run = to_run, .number = question.number};
  if (const auto* count = std::get_if<Count>(&answer)) {
    next.answer = *count;
    return {std::move(next)};
  }
  std::vector<NodeAnswer> parts;
  std::vector<SessionInfo> sessions;
  const auto close_part = [&](bool last, bool truncated) {
    next.part = static_cast<std::uint16_t>(parts.size());
    next.last = last;
    next.truncated = truncated;
    next.answer = SessionList{std::move(sessions)};
    parts.push_back(next);
    sessions = {};
  };
  std::size_t bytes = 0;
  for (SessionInfo& session : std::get<SessionList>(answer).sessions) {
    const std::size_t size = encoded_size(session);
    if (!sessions.empty() && bytes + size > limits.part_bytes) {
      if (parts.size() + 1 == limits.parts) {
        close_part(true, true);
        return parts;
      }
      close_part(false, false);
      bytes = 0;
    }
    bytes += size;
    sessions.push_back(std::move(session));
  }
  close_part(true, false);
  return parts;
}

}  // namespace pushwire::hub
