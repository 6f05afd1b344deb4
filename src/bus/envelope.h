// Envelope: a push as it travels on the bus, from the node that took it to every node that may have receivers.
// A movable value; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "protocol/payload.h"

namespace pushwire::bus {

// Who is meant. The order of the first five is that of metrics::PushTarget. On the bus they are these numbers: never
// change one.
enum class EnvelopeKind : std::uint8_t {
  kUser = 0,
  kUsers = 1,
  kTopic = 2,
  kSession = 3,
  kAll = 4,
  kControl = 5,  // from node to node, no push: announcements, questions, answers
};

struct Envelope {
  EnvelopeKind kind = EnvelopeKind::kUser;
  std::string key;  // user, topic, session, or for kControl the node it is for; empty for users, all and every node
  std::vector<std::string> users;  // kUsers only
  std::string id;
  std::optional<std::string> event;
  protocol::PayloadKind payload_kind = protocol::PayloadKind::kJson;
  // JSON value, escaped JSON string with its quotes, or base64: as it stands in the message. For kControl see hub/.
  std::string payload;
  std::string exclude_session;   // empty: none
  std::string exclude_user;      // empty: none
  std::int64_t born_ms = 0;      // wall clock of the origin node
  std::int64_t ttl_ms = 0;       // 0: no end
  std::int64_t received_ns = 0;  // monotonic clock of the origin node, when the request had been parsed
  std::string origin;            // node name
  std::optional<Digest> body;    // of the whole push, if `id` is the caller's own: another body is a conflict

  // About what it takes in memory while it waits.
  std::size_t bytes() const noexcept {
    std::size_t sum = sizeof(Envelope) + key.size() + id.size() + payload.size() + (event ? event->size() : 0);
    for (const std::string& user : users) {
      sum += user.size() + sizeof(std::string);
    }
    return sum;
  }
};

}  // namespace pushwire::bus
