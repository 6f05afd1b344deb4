// Backoff: how long to wait before the next attempt. Doubles from 100 ms to 5 s, each with up to a half taken off at
// random, so that a thousand nodes do not come back in step when a server does.
// A value; its owner's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "base/clock.h"

namespace pushwire::bus {

class Backoff {
 public:
  static constexpr MonotonicMs kFirstMs = 100;
  static constexpr MonotonicMs kMostMs = 5'000;

  explicit Backoff(std::uint64_t seed = std::random_device{}()) : random_(seed) {}

  MonotonicMs next() {
    const MonotonicMs full = std::min(kFirstMs << std::min(attempts_, 16), kMostMs);
    ++attempts_;
    return std::uniform_int_distribution<MonotonicMs>(full / 2, full)(random_);
  }
  void reset() noexcept { attempts_ = 0; }

 private:
  std::mt19937_64 random_;
  int attempts_ = 0;
};

}  // namespace pushwire::bus
