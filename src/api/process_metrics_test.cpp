#include "api/process_metrics.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <vector>

#include "net/fd.h"

namespace pushwire::api {
namespace {

TEST(ProcessMetrics, CountsOpenDescriptors) {
  const std::uint64_t before = read_process_numbers().open_fds;
  std::vector<net::Fd> files;
  for (int i = 0; i < 10; ++i) {
    files.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  EXPECT_EQ(read_process_numbers().open_fds, before + 10);
}

TEST(ProcessMetrics, TellsMemoryTimeAndLimits) {
  const ProcessNumbers numbers = read_process_numbers();
  EXPECT_GT(numbers.resident_bytes, 1'000'000U);
  EXPECT_GE(numbers.virtual_bytes, numbers.resident_bytes);
  EXPECT_GT(numbers.max_fds, numbers.open_fds);
  EXPECT_GE(numbers.cpu_seconds, 0.0);
}

}  // namespace
}  // namespace pushwire::api
