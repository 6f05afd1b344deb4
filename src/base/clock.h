// Time, as the product uses it. Monotonic milliseconds for deadlines, wall-clock milliseconds for people.
// Any thread. Code under test gets times as arguments and never reads a clock itself.
#pragma once

#include <cstdint>
#include <string>

namespace pushwire {

using MonotonicMs = std::int64_t;  // since an arbitrary start; never jumps
using WallMs = std::int64_t;       // since 1970-01-01 UTC; may jump

std::int64_t monotonic_ns() noexcept;
inline MonotonicMs monotonic_ms() noexcept {
  return monotonic_ns() / 1'000'000;
}
WallMs wall_ms() noexcept;

// RFC 3339 in UTC with milliseconds: "2026-01-31T09:30:00.123Z".
std::string format_time(WallMs time);

}  // namespace pushwire
