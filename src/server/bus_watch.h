// BusWatch: what a node says about its bus. The bus itself logs when it comes and goes, and why; here is when the node
// is ready for the first time, and when it is time to say again that it still waits.
// A value; its owner's thread.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace pushwire::server {

enum class BusNews : std::uint8_t {
  kNone,
  kReady,      // up for the first time
  kStillAway,  // for so long that the operator should hear of it (again)
};

class BusWatch {
 public:
  static constexpr MonotonicMs kFirstWordAfter = 1'000;
  static constexpr MonotonicMs kWordEvery = 10'000;

  explicit BusWatch(MonotonicMs now) : next_word_(now + kFirstWordAfter) {}

  bool ready() const noexcept { return ready_; }
  BusNews look(bool up, MonotonicMs now) {
    if (up) {
      next_word_ = now + kWordEvery;
      const bool first = !ready_;
      ready_ = true;
      return first ? BusNews::kReady : BusNews::kNone;
    }
    if (now < next_word_) {
      return BusNews::kNone;
    }
    next_word_ = now + kWordEvery;
    return BusNews::kStillAway;
  }

 private:
  bool ready_ = false;
  MonotonicMs next_word_;
};

}  // namespace pushwire::server
