#include "replay.h"

#include <fmt/format.h>

#include <map>

#include "clock.h"
#include "peer.h"

namespace pushwire::wire {
namespace {

constexpr int kQuietTurns = 3;  // so many without a byte: the node waits for somebody else
constexpr int kMaxTurns = 20'000;
constexpr MonotonicMs kTick = 50;
constexpr std::size_t kEdge = 4;    // bytes at either end of a Bulk, each of which is cut at
constexpr std::size_t kInside = 6;  // cuts between them

class Replay {
 public:
  Replay(const NodeSettings& settings, const Transcript& transcript, const Cut& cut)
      : transcript_(transcript), cut_(cut), node_(settings) {}

  std::optional<Failure> run() {
    for (const Step& step : transcript_.steps) {
      if (const auto done = take(step); !done) {
        return Failure{step.line, done.error().message};
      }
    }
    const std::size_t end = transcript_.steps.back().line + 1;
    if (const auto done = finish(); !done) {
      return Failure{end, done.error().message};
    }
    return std::nullopt;
  }

 private:
  Result<> take(const Step& step);
  Result<> carry_out(const Step& step);
  Result<> finish();
  Result<> open(const Step& step);
  Result<> ask_api(const std::string& request, std::string_view body);
  Result<> check_metric(const Step& step);
  Result<> nothing_unexpected() const;
  void collect(const Step& step);
  void send_pending();
  void write(Peer& peer, std::string_view bytes);
  void write_last(Peer& peer, std::string_view bytes);
  void turn();
  bool read_all();
  void settle();
  void pass(MonotonicMs time);
  Peer& peer(const std::string& name);
  std::string with_sessions(std::string text) const;

  const Transcript& transcript_;
  const Cut cut_;
  Node node_;
  std::map<std::string, Peer, std::less<>> peers_;
  std::string pending_client_;
  std::string pending_;
  bool pending_end_ = false;  // the end of the client's stream is right behind it
  std::size_t sent_ = 0;      // bytes of kSend steps, for the cut
};

Peer& Replay::peer(const std::string& name) {
  const auto found = peers_.find(name);
  if (found != peers_.end()) {
    return found->second;
  }
  const bool api = name == "api";
  return peers_
      .emplace(name, Peer(api ? node_.connect_api() : node_.connect_client(), api ? Port::kApi : Port::kClient))
      .first->second;
}

// --- the node's turns --------------------------------------------------------------------------------------------

void Replay::turn() {
  node_.turn();
}

bool Replay::read_all() {
  bool came = false;
  for (auto& [name, peer] : peers_) {
    came = peer.read() || came;
  }
  return came;
}

void Replay::settle() {
  int quiet = 0;
  for (int turns = 0; turns < kMaxTurns && quiet < kQuietTurns; ++turns) {
    turn();
    quiet = read_all() ? 0 : quiet + 1;
  }
}

void Replay::pass(MonotonicMs time) {
  while (time > 0) {
    const MonotonicMs tick = std::min(time, kTick);
    advance(tick);
    time -= tick;
    turn();
    read_all();
  }
}

void Replay::write(Peer& peer, std::string_view bytes) {
  for (int turns = 0; turns < kMaxTurns && !bytes.empty(); ++turns) {
    bytes.remove_prefix(peer.write(bytes));
    turn();
    read_all();
  }
}

// The node sees the last bytes and the end of the stream in one turn.
void Replay::write_last(Peer& peer, std::string_view bytes) {
  while (pending_end_ && !bytes.empty()) {
    const std::size_t taken = peer.write(bytes);
    bytes.remove_prefix(taken);
    if (taken == 0) {
      turn();
    }
  }
  if (pending_end_) {
    peer.shut_down();
  }
  write(peer, bytes);
}

// --- steps -------------------------------------------------------------------------------------------------------

void Replay::collect(const Step& step) {
  if (pending_client_ != step.client) {
    send_pending();
    pending_client_ = step.client;
  }
  pending_ += step.bytes;
  pending_end_ = step.verb == Verb::kEnd;
}

void Replay::send_pending() {
  if (pending_.empty() && !pending_end_) {
    return;
  }
  Peer& to = peer(pending_client_);
  const std::string_view bytes = pending_;
  if (cut_.kind == Cut::Kind::kEverywhere) {
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
      write(to, bytes.substr(i, 1));
    }
    write_last(to, bytes.substr(bytes.size() - std::min<std::size_t>(bytes.size(), 1)));
  } else {
    const bool here = cut_.kind == Cut::Kind::kAt && cut_.at > sent_ && cut_.at < sent_ + bytes.size();
    const std::size_t first = here ? cut_.at - sent_ : bytes.size();
    if (here) {
      write(to, bytes.substr(0, first));
      settle();
    }
    write_last(to, bytes.substr(here ? first : 0));
  }
  sent_ += bytes.size();
  pending_.clear();
  pending_end_ = false;
  settle();
}

Result<> Replay::nothing_unexpected() const {
  for (const auto& [name, peer] : peers_) {
    if (const std::string what = peer.unexpected(); !what.empty()) {
      return fail(fmt::format("client {} got, before this line, what nobody expected: {}", name, what));
    }
  }
  return {};
}

Result<> Replay::take(const Step& step) {
  if (step.verb == Verb::kSend || step.verb == Verb::kEnd) {
    // A new group begins: the gateway has said all that it was expected to say.
    const auto clean = pending_.empty() ? nothing_unexpected() : Result<>{};
    if (clean) {
      collect(step);
    }
    return clean;
  }
  send_pending();
  if (step.verb == Verb::kExpect) {
    return peer(step.client).expect(with_sessions(step.text));
  }
  if (const auto clean = nothing_unexpected(); !clean) {
    return clean;
  }
  const auto done = carry_out(step);
  settle();
  return done;
}

Result<> Replay::carry_out(const Step& step) {
  switch (step.verb) {
    case Verb::kOpen:
      return open(step);
    case Verb::kHold:
    case Verb::kRead:
      peer(step.client).hold(step.verb == Verb::kHold);
      return {};
    case Verb::kPush:
      return ask_api("POST /v1/push HTTP/1.1\r\nContent-Type: application/json\r\n", with_sessions(step.bytes));
    case Verb::kKick:
      return ask_api(fmt::format("DELETE /v1/users/{}/sessions HTTP/1.1\r\n", step.text), "");
    case Verb::kDrain:
      node_.drain();
      return {};
    case Verb::kWait:
      pass(static_cast<MonotonicMs>(step.number));
      return {};
    case Verb::kMetric:
      return check_metric(step);
    default:
      return fail("not a step");
  }
}

Result<> Replay::open(const Step& step) {
  static const Names names = standard_names();
  const std::string query = step.text.empty() ? "token=" + names.at("good") : step.text;
  Peer& to = peer(step.client);
  write(to, fmt::format("GET /ws?{} HTTP/1.1\r\n{}\r\n\r\n", query, names.at("upgrade")));
  settle();
  if (const auto upgraded = to.expect("101"); !upgraded) {
    return upgraded;
  }
  return query.find("format=raw") == query.npos ? to.expect("welcome") : Result<>{};
}

Result<> Replay::ask_api(const std::string& request, std::string_view body) {
  Peer& to = peer("api");
  write(to, fmt::format("{}Host: localhost\r\nContent-Length: {}\r\n\r\n{}", request, body.size(), body));
  settle();
  return to.expect("status 200");
}

Result<> Replay::check_metric(const Step& step) {
  const auto value = node_.metric(step.text);
  if (!value || *value != static_cast<double>(step.number)) {
    return fail(fmt::format("expected {}, got {}", step.number, value ? fmt::to_string(*value) : "no such series"));
  }
  return {};
}

std::string Replay::with_sessions(std::string text) const {
  // Backwards: @session, that of client a, is how the others begin too.
  for (auto one = peers_.rbegin(); one != peers_.rend(); ++one) {
    const std::string variable = one->first == "a" ? "@session" : "@session_" + one->first;
    for (std::size_t at = text.rfind(variable); at != text.npos; at = text.rfind(variable)) {
      text.replace(at, variable.size(), one->second.session());
    }
  }
  return text;
}

// Everybody goes; then nobody may be left in any table of the node.
Result<> Replay::finish() {
  send_pending();
  if (const auto clean = nothing_unexpected(); !clean) {
    return clean;
  }
  peers_.clear();
  settle();
  const std::string left = node_.leftovers();
  return left.empty() ? Result<>{} : fail(fmt::format("all clients have gone, left are:{}", left));
}

}  // namespace

std::string Cut::to_string() const {
  switch (kind) {
    case Kind::kNowhere:
      return "whole";
    case Kind::kAt:
      return fmt::format("cut before byte {}", at);
    case Kind::kEverywhere:
      return "byte by byte";
  }
  return "";
}

std::vector<Cut> cuts_of(const Transcript& transcript) {
  std::vector<Cut> cuts = {{}, {Cut::Kind::kEverywhere}};
  std::size_t begin = 0;
  for (const Step& step : transcript.steps) {
    const std::size_t size = step.verb == Verb::kSend ? step.bytes.size() : 0;
    for (std::size_t i = 0; i < size; ++i) {
      bool worth = begin + i > 0;
      for (const Bulk& bulk : step.bulks) {
        const bool inside = i >= bulk.begin + kEdge && i + kEdge < bulk.end;
        worth = worth && (!inside || (i - bulk.begin) % ((bulk.end - bulk.begin) / kInside) == 0);
      }
      if (worth) {
        cuts.push_back({Cut::Kind::kAt, begin + i});
      }
    }
    begin += size;
  }
  return cuts;
}

std::optional<Failure> replay(const NodeSettings& settings, const Transcript& transcript, const Cut& cut) {
  reset_time();
  return Replay(settings, transcript, cut).run();
}

}  // namespace pushwire::wire
