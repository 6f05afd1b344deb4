// Probe: what processes use, read from /proc: CPU of all their threads in nanoseconds, memory, and the kernel's slab
// caches that connections live in. Values; any thread.
#pragma once

#include <cstdint>
#include <vector>

namespace pushwire::bench {

struct Usage {
  std::int64_t cpu_ns = 0;
  std::int64_t user_ticks = 0;  // of 10 ms: only for the share of user and system
  std::int64_t system_ticks = 0;
  std::int64_t pss_bytes = 0;  // resident, what is shared divided by those who share it
  // Of that, heap and stacks. What grows is looked at here: the PSS of code changes when others run the same libraries.
  std::int64_t anonymous_bytes = 0;
  std::int64_t slab_bytes = 0;  // of the whole host, both ends of each connection; 0 when it cannot be read
};

// Only CPU: cheap enough for the middle of a load.
Usage read_cpu(const std::vector<int>& pids);
// Everything.
Usage read_usage(const std::vector<int>& pids);

// What was used between two readings.
Usage operator-(const Usage& later, const Usage& earlier);

// Pins the calling process to these cores; nothing when there are none. False when the kernel refuses.
[[nodiscard]] bool pin_to(const std::vector<int>& cores, int pid = 0);

}  // namespace pushwire::bench
