// What the kernel says about this process, for the process_* metrics. Any thread.
#pragma once

#include <cstdint>

namespace pushwire::api {

struct ProcessNumbers {
  double cpu_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
};

ProcessNumbers read_process_numbers();

}  // namespace pushwire::api
