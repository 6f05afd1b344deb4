// The time of the wire tests: it stands still but for advance(), so that a transcript with `wait 60s` is deterministic
// and takes no time. clock.cpp defines the functions of base/clock.h; the linker then leaves the product's own out.
// Thread: the test's, the only one there is.
#pragma once

#include "base/clock.h"

namespace pushwire::wire {

inline constexpr WallMs kStart = 1'800'000'000'000;

void reset_time() noexcept;
void advance(MonotonicMs by) noexcept;

}  // namespace pushwire::wire
