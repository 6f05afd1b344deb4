#include "protocol/push_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "base/base64.h"
#include "protocol/members.h"
#include "protocol/names.h"

namespace pushwire::protocol {
namespace {

enum Top : std::size_t { kTo, kData, kText, kBase64, kEvent, kId, kTtlMs, kExclude };
constexpr std::array<std::string_view, 8> kTopNames = {"to",    "data", "text",   "base64",
                                                       "event", "id",   "ttl_ms", "exclude"};
enum Target : std::size_t { kUser, kUsers, kTopic, kSession, kAll };
constexpr std::array<std::string_view, 5> kTargetNames = {"user", "users", "topic", "session", "all"};
enum Excluded : std::size_t { kExcludedSession, kExcludedUser };
constexpr std::array<std::string_view, 2> kExcludeNames = {"session", "user"};

constexpr std::string_view kUserRule = "a user id is 1 to 128 bytes of UTF-8 without control characters";
constexpr std::string_view kTopicRule = "a topic is 1 to 128 bytes of A-Z a-z 0-9 . _ : - /";
constexpr std::string_view kSessionRule = "a session is the 22 characters that its welcome named";
constexpr std::string_view kIdRule = "an id is 1 to 64 bytes of A-Z a-z 0-9 . _ : -";
constexpr std::string_view kEventRule = "an event is at most 128 bytes of UTF-8";

template <class T>
using Parsed = Result<T, PushError>;

// The string of a member that must follow a rule.
Parsed<Text> named(const Member& member, std::string_view field, bool (*is_valid)(std::string_view) noexcept,
                   std::string_view rule) {
  std::optional<Text> text = text_of(member);
  if (!text || !is_valid(text->view())) {
    return invalid(field, rule);
  }
  return std::move(*text);
}

// Requires: `member` came from a text that was read to its end without a fault.
template <std::size_t N>
Members<N> inner_members(const Member& member, const std::array<std::string_view, N>& names) {
  if (member.kind != JsonKind::kObject) {
    return {};
  }
  JsonReader reader(member.raw);
  reader.peek();
  return read_members(reader, names);
}

template <std::size_t N>
std::size_t count_present(const Members<N>& members) {
  return static_cast<std::size_t>(
      std::count_if(members.known.begin(), members.known.end(), [](const Member& one) { return one.present(); }));
}

void drop_repeated(std::vector<Text>& users) {
  std::unordered_set<std::string_view> seen;
  seen.reserve(users.size());
  std::vector<Text> once;
  once.reserve(users.size());
  for (Text& user : users) {
    // The views in `seen` are those of `once`, which never moves its elements: a short owned string takes its bytes
    // along when it moves.
    if (!seen.contains(user.view())) {
      once.push_back(std::move(user));
      seen.insert(once.back().view());
    }
  }
  users = std::move(once);
}

Parsed<PushTarget> read_users(const Member& member) {
  if (member.kind != JsonKind::kArray) {
    return invalid("to.users", "\"users\" must be a list of user ids");
  }
  JsonReader reader(member.raw);
  reader.peek();
  reader.enter_array();
  std::vector<Text> users;
  while (reader.next_element()) {
    if (users.size() == kMaxTargetUsers) {
      return invalid("to.users", fmt::format("\"users\" holds at most {} ids", kMaxTargetUsers));
    }
    std::optional<Text> user = text_of(read_member(reader));
    if (!user || !is_valid_user_id(user->view())) {
      return invalid(fmt::format("to.users[{}]", users.size()), kUserRule);
    }
    users.push_back(std::move(*user));
  }
  if (users.empty()) {
    return invalid("to.users", "\"users\" must name at least one user");
  }
  drop_repeated(users);
  return ToUsers{std::move(users)};
}

Parsed<PushTarget> read_target(const Member& to, const Members<kTargetNames.size()>& members) {
  if (to.kind != JsonKind::kObject) {
    return invalid("to", "\"to\" must be there and be an object");
  }
  if (count_present(members) != 1) {
    return invalid("to", "\"to\" must have exactly one of user, users, topic, session, all");
  }
  if (members[kUser].present()) {
    return named(members[kUser], "to.user", is_valid_user_id, kUserRule).map([](Text text) {
      return PushTarget(ToUser{std::move(text)});
    });
  }
  if (members[kUsers].present()) {
    return read_users(members[kUsers]);
  }
  if (members[kTopic].present()) {
    return named(members[kTopic], "to.topic", is_valid_topic, kTopicRule).map([](Text text) {
      return PushTarget(ToTopic{std::move(text)});
    });
  }
  if (members[kSession].present()) {
    return named(members[kSession], "to.session", is_valid_session_id, kSessionRule).map([](Text text) {
      return PushTarget(ToSession{std::move(text)});
    });
  }
  if (members[kAll].kind != JsonKind::kTrue) {
    return invalid("to.all", "\"all\" must be true");
  }
  return ToAll{};
}

Parsed<PushExclude> read_exclude(const Member& exclude, const Members<kExcludeNames.size()>& members) {
  if (exclude.kind != JsonKind::kObject || count_present(members) != 1) {
    return invalid("exclude", "\"exclude\" must be an object with one of session, user");
  }
  if (members[kExcludedSession].present()) {
    return named(members[kExcludedSession], "exclude.session", is_valid_session_id, kSessionRule).map([](Text text) {
      return PushExclude(ExcludeSession{std::move(text)});
    });
  }
  return named(members[kExcludedUser], "exclude.user", is_valid_user_id, kUserRule).map([](Text text) {
    return PushExclude(ExcludeUser{std::move(text)});
  });
}

struct Payload {
  PayloadKind kind;
  Text bytes;
};

Parsed<Payload> read_payload(const Members<kTopNames.size()>& top) {
  const Member& text = top[kText];
  const Member& base64 = top[kBase64];
  if (top[kData].present() + text.present() + base64.present() != 1) {
    return invalid("data", "exactly one of data, text, base64 must be there");
  }
  if (top[kData].present()) {
    return Payload{PayloadKind::kJson, Text(top[kData].raw)};
  }
  if (text.present()) {
    if (text.kind != JsonKind::kString || text.string.has_lone_surrogate) {
      return invalid("text", "\"text\" must be a string without lone surrogates");
    }
    return Payload{PayloadKind::kText, Text(text.raw)};
  }
  std::optional<Text> bytes = text_of(base64);
  if (!bytes || !is_base64(bytes->view())) {
    return invalid("base64", "\"base64\" must be a string of padded, canonical base64 in the standard alphabet");
  }
  return Payload{PayloadKind::kBinary, std::move(*bytes)};
}

Parsed<std::int64_t> read_ttl_ms(const Member& member) {
  const std::optional<std::int64_t> ttl_ms = member.kind == JsonKind::kNumber ? json_integer(member.raw) : std::nullopt;
  if (!ttl_ms || *ttl_ms < 1 || *ttl_ms > kMaxTtlMs) {
    return invalid("ttl_ms", fmt::format("\"ttl_ms\" must be an integer from 1 to {}", kMaxTtlMs));
  }
  return *ttl_ms;
}

// The refusals that come before any value is looked at.
struct Objects {
  Members<kTopNames.size()> top;
  Members<kTargetNames.size()> to;
  Members<kExcludeNames.size()> exclude;

  std::optional<PushError> refuse(std::string_view body) const {
    std::optional<PushError> error = repeated_error(top, "", body);
    error = error ? std::move(error) : repeated_error(to, "to.", body);
    error = error ? std::move(error) : repeated_error(exclude, "exclude.", body);
    error = error ? std::move(error) : unknown_error(top, "");
    error = error ? std::move(error) : unknown_error(to, "to.");
    return error ? std::move(error) : unknown_error(exclude, "exclude.");
  }
};

// The members that need not be there.
Parsed<PushRequest> with_options(PushRequest push, const Objects& objects) {
  if (const Member& event = objects.top[kEvent]; event.present()) {
    Parsed<Text> text = named(event, "event", is_valid_event, kEventRule);
    if (!text) {
      return tl::unexpected(std::move(text.error()));
    }
    push.event = std::move(*text);
  }
  if (const Member& id = objects.top[kId]; id.present()) {
    Parsed<Text> text = named(id, "id", is_valid_message_id, kIdRule);
    if (!text) {
      return tl::unexpected(std::move(text.error()));
    }
    push.id = std::move(*text);
  }
  if (const Member& ttl = objects.top[kTtlMs]; ttl.present()) {
    Parsed<std::int64_t> ttl_ms = read_ttl_ms(ttl);
    if (!ttl_ms) {
      return tl::unexpected(std::move(ttl_ms.error()));
    }
    push.ttl_ms = *ttl_ms;
  }
  if (const Member& exclude = objects.top[kExclude]; exclude.present()) {
    Parsed<PushExclude> excluded = read_exclude(exclude, objects.exclude);
    if (!excluded) {
      return tl::unexpected(std::move(excluded.error()));
    }
    push.exclude = std::move(*excluded);
  }
  return push;
}

}  // namespace

Result<PushRequest, PushError> read_push(JsonReader& reader, std::string_view body) {
  if (reader.peek() != JsonKind::kObject) {
    reader.skip_value();
    return reader.failed() ? tl::unexpected(bad_json(reader)) : invalid("", "a push must be a JSON object");
  }
  const std::size_t start = reader.position();
  Objects objects{read_members(reader, kTopNames), {}, {}};
  if (reader.failed()) {
    return tl::unexpected(bad_json(reader));
  }
  objects.to = inner_members(objects.top[kTo], kTargetNames);
  objects.exclude = inner_members(objects.top[kExclude], kExcludeNames);
  if (std::optional<PushError> error = objects.refuse(body)) {
    return tl::unexpected(std::move(*error));
  }
  Parsed<PushTarget> to = read_target(objects.top[kTo], objects.to);
  if (!to) {
    return tl::unexpected(std::move(to.error()));
  }
  Parsed<Payload> payload = read_payload(objects.top);
  if (!payload) {
    return tl::unexpected(std::move(payload.error()));
  }
  PushRequest push;
  push.to = std::move(*to);
  push.kind = payload->kind;
  push.payload = std::move(payload->bytes);
  push.body = reader.text_since(start);
  return with_options(std::move(push), objects);
}

Result<PushRequest, PushError> parse_push(std::string_view body) {
  JsonReader reader(body);
  Result<PushRequest, PushError> push = read_push(reader, body);
  if (!reader.finish()) {
    return tl::unexpected(bad_json(reader));
  }
  return push;
}

}  // namespace pushwire::protocol
