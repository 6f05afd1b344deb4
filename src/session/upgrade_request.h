// The checks of the opening handshake, in the order of docs/protocol.md: from a request on the client path to a
// PendingUpgrade, or to the HTTP answer that refuses it. All refusals come before 101.
// Sans-I/O; pure but for the policy's authenticator. Thread: any; the policy is a worker's own copy.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/request.h"
#include "http/response.h"
#include "metrics/catalog.h"
#include "session/authenticator.h"
#include "session/origin_list.h"
#include "session/pending_upgrade.h"
#include "session/topic_permissions.h"

namespace pushwire::session {

// Whether the node takes clients at all at this moment.
enum class Door : std::uint8_t { kOpen, kDraining, kFull, kOverloaded };

struct UpgradePolicy {
  std::string path = "/ws";
  Authenticator authenticator;
  OriginList origins;
  TopicPermissions topics;
  std::size_t max_topics = 128;
};

struct Refusal {
  metrics::HandshakeResult result;
  int status;
  std::string message;

  // {"error":{"code","message"}}, `Connection: close` and the headers that belong to the status.
  http::Response response() const;
};

// `request` has the policy's path. The descriptor and leftover bytes of the result are still empty.
Result<PendingUpgrade, Refusal> check_upgrade(const http::Request& request, const UpgradePolicy& policy, Door door,
                                              std::int64_t now_s);

// For a user who has too many connections where new ones are rejected.
Refusal too_many_connections();
Refusal refusal_of(Door door);

}  // namespace pushwire::session
