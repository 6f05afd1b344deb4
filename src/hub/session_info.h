// What workers and nodes can be asked about their sessions, and what they answer. Values; they travel as mail, and
// between nodes as control_codec.h writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "session/session_id.h"

namespace pushwire::hub {

struct SessionInfo {
  session::SessionId session = {};
  std::string device = {};
  std::string remote = {};  // "ip:port"
  WallMs connected_at = 0;
  WallMs last_seen_at = 0;
  std::vector<std::string> topics = {};
  std::string node = {};  // whose session it is; empty: this node's
};

struct ListSessions {
  std::string user;
};
struct CountSubscribers {
  std::string topic;
};
// Closes all sessions of the user, or the one named, with code 3503.
struct KickUser {
  std::string user;
  std::optional<session::SessionId> session;
};
using Question = std::variant<ListSessions, CountSubscribers, KickUser>;

struct SessionList {
  std::vector<SessionInfo> sessions;
};
struct Count {
  std::uint64_t count = 0;
};
// What the other nodes have answered together.
struct OthersAnswer {
  SessionList list;
  Count count;
  std::vector<std::string> missing;  // nodes whose answer is not (wholly) in it; sorted, each once
  // False when some are missing, or when this node cannot know who there is.
  bool complete = true;
};
using Answer = std::variant<SessionList, Count, OthersAnswer>;

// Instead of a worker: another node has asked, and Cluster::answer() knows which.
inline constexpr std::uint32_t kOtherNode = 0xffffffff;

// The worker that asked, and its name for the call.
struct ReplyTo {
  std::uint32_t worker = 0;
  std::uint64_t call = 0;
};

}  // namespace pushwire::hub
