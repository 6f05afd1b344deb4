// BusCounters: what a bus counts about itself. Written by the bus's thread, read by any.
#pragma once

#include <atomic>
#include <cstdint>

namespace pushwire::bus {

struct BusCounters {
  std::atomic<std::uint64_t> gaps{0};        // times that envelopes may have been missed
  std::atomic<std::uint64_t> missed{0};      // envelopes known to have been missed, from each node's numbers
  std::atomic<std::uint64_t> repeated{0};    // records that had come before and were left out
  std::atomic<std::uint64_t> unreadable{0};  // records skipped: damaged, or of a version that this node does not know
  std::atomic<std::uint64_t> stale{0};       // records skipped: older than bus.max_replay_age when the bus came back
  std::atomic<std::uint64_t> reconnects{0};  // times that the way to the server came up again
  std::atomic<std::uint64_t> waiting_bytes{0};  // given to publish() and not confirmed yet, at any moment
};

}  // namespace pushwire::bus
