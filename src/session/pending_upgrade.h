// PendingUpgrade: a client that passed every check of the handshake and is on its way to its user's home worker.
// Everything it owns travels with it; it refers to nothing of the worker that accepted it. A movable value.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/fd.h"
#include "net/tls_connection.h"

namespace pushwire::session {

enum class MessageFormat : std::uint8_t { kPlain, kRaw };

struct PendingUpgrade {
  net::Fd fd;
  std::unique_ptr<net::TlsConnection> tls;  // null: in the clear
  std::string leftover;                     // bytes the client sent behind its request
  std::string response;                     // the 101 answer, written together with the welcome
  std::string user;
  std::string device;
  std::vector<std::string> topics;    // subscribed before the welcome; permitted, each once
  std::vector<std::string> patterns;  // what the token allows beyond the configuration
  std::int64_t expires_at = 0;        // Unix seconds, leeway included; 0: never
  MessageFormat format = MessageFormat::kPlain;
};

}  // namespace pushwire::session
