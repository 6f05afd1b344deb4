// What a worker can be asked about its sessions, and what it answers. Values; they travel as mail.
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
  session::SessionId session;
  std::string device;
  std::string remote;  // "ip:port"
  WallMs connected_at = 0;
  WallMs last_seen_at = 0;
  std::vector<std::string> topics;
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
using Answer = std::variant<SessionList, Count>;

// The worker that asked, and its name for the call.
struct ReplyTo {
  std::uint32_t worker = 0;
  std::uint64_t call = 0;
};

}  // namespace pushwire::hub
