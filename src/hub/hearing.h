// Hearing: whether this node hears what is said on the bus, which it knows by hearing itself. Only then is the silence
// of others theirs, and only some time after it came up does it know who there is.
// Thread: one at a time (Cluster locks). A value.
#pragma once

#include <optional>

#include "base/clock.h"

namespace pushwire::hub {

class Hearing {
 public:
  // Nodes announce themselves every 2 s (Cluster::kAnnounceEvery): one may be lost.
  static constexpr MonotonicMs kDeafAfter = 5'000;
  // From its first own word on, after it came up or was deaf, by which it asks all others to announce themselves at
  // their next tick.
  static constexpr MonotonicMs kSettles = 1'000;

  void came_up() noexcept { *this = {}; }
  void heard_itself(MonotonicMs now) noexcept {
    if (!is_good(now)) {
      first_ = now;  // others may have come while it was deaf, too
    }
    last_ = now;
  }

  // It has not heard itself since it came up, so that the others may not have heard it either.
  bool is_curious() const noexcept { return !first_; }
  bool is_good(MonotonicMs now) const noexcept { return first_ && now - last_ < kDeafAfter; }
  // It has had the time to hear of everybody who was there when it came.
  bool knows_all(MonotonicMs now) const noexcept { return is_good(now) && now - *first_ >= kSettles; }

 private:
  std::optional<MonotonicMs> first_;
  MonotonicMs last_ = 0;
};

}  // namespace pushwire::hub
