// SessionOptions: the limits and times of client connections, with their defaults (docs/configuration.md).
// A value; each worker keeps its own copy and gets a new one by mail on a reload.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace pushwire::session {

enum class LimitPolicy : std::uint8_t { kCloseOldest, kRejectNew };

struct SessionOptions {
  std::size_t max_connections_per_user = 10;  // 0: no limit
  LimitPolicy on_limit = LimitPolicy::kCloseOldest;
  std::size_t max_topics_per_connection = 128;
  std::size_t max_message_bytes = 64 * 1024;
  MonotonicMs heartbeat_interval = 25'000;
  MonotonicMs heartbeat_timeout = 60'000;
  std::size_t outbox_soft_bytes = 64 * 1024;
  MonotonicMs outbox_soft_for = 10'000;
  std::size_t outbox_hard_bytes = 4 * 1024 * 1024;
  MonotonicMs close_timeout = 2'000;
};

}  // namespace pushwire::session
