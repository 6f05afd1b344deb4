#include "clock.h"

namespace pushwire {
namespace {

MonotonicMs passed = 0;

}  // namespace

namespace wire {

void reset_time() noexcept {
  passed = 0;
}
void advance(MonotonicMs by) noexcept {
  passed += by;
}

}  // namespace wire

std::int64_t monotonic_ns() noexcept {
  return (1'000'000 + passed) * 1'000'000;
}
WallMs wall_ms() noexcept {
  return wire::kStart + passed;
}
// No transcript looks at a time that the API prints.
std::string format_time(WallMs time) {
  return std::to_string(time);
}

}  // namespace pushwire
