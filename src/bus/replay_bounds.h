// ReplayBounds: what a bus with a store may hand over again after an outage. Pushes no older than bus.max_replay_age
// when the bus came back, and nothing that nodes said to each other a while before: who asked has given up, and who
// lives says so again.
//
// Ages are by wall clocks, which may be wrong or be set: the bounds end some time after the bus came back, when all of
// the past must have come.
// Thread: the bus's. A value.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace pushwire::bus {

class ReplayBounds {
 public:
  static constexpr MonotonicMs kReadsOn = 30'000;  // a long past takes its time
  static constexpr WallMs kControlAge = 1'000;     // whoever asks waits so long for answers (hub/cluster.h)

  explicit ReplayBounds(MonotonicMs max_age) : max_age_(max_age) {}

  // The bus is not back yet, or was not until now; again and again while its records come before it says that it is up.
  void set(WallMs wall, MonotonicMs now) noexcept {
    since_ = wall;
    read_on(now);
  }
  // What comes is still held back: the past has not all come.
  void read_on(MonotonicMs now) noexcept { until_ = now + 2 * max_age_ + kReadsOn; }
  bool in_force(MonotonicMs now) const noexcept { return now < until_; }
  bool leaves_out_push(WallMs born, MonotonicMs now) const noexcept {
    return in_force(now) && born < since_ - max_age_;
  }
  bool leaves_out_control(WallMs born, MonotonicMs now) const noexcept {
    return in_force(now) && born < since_ - kControlAge;
  }

 private:
  const MonotonicMs max_age_;
  WallMs since_ = 0;
  MonotonicMs until_ = 0;
};

}  // namespace pushwire::bus
