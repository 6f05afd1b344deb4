// Pace: how long a bus's thread rests before it looks again while very much goes through it, so that records come
// several at a time: to be woken costs more CPU than to handle one.
//
// It rests only above a rate at which a millisecond holds several records, and never longer than that millisecond.
// Thread: its owner's. A value.
#pragma once

#include <cstdint>

namespace pushwire::bus {

class Pace {
 public:
  static constexpr std::int64_t kRestNs = 1'000'000;
  static constexpr double kRestsFrom = 2'500;  // records a second
  static constexpr double kRestsTo = 2'000;

  // A turn has ended in which `records` came or went. How many nanoseconds to rest.
  std::int64_t after_turn(std::uint64_t records, std::int64_t now_ns) noexcept {
    seen_ += records;
    if (const std::int64_t window = now_ns - window_since_; window >= kWindowNs) {
      const double rate = static_cast<double>(seen_) * 1e9 / static_cast<double>(window);
      rests_ = rate >= (rests_ ? kRestsTo : kRestsFrom);
      seen_ = 0;
      window_since_ = now_ns;
    }
    return rests_ && records > 0 ? kRestNs : 0;
  }

 private:
  static constexpr std::int64_t kWindowNs = 50'000'000;

  std::uint64_t seen_ = 0;
  std::int64_t window_since_ = 0;
  bool rests_ = false;
};

}  // namespace pushwire::bus
