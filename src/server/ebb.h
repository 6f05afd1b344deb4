// Ebb: sees that many connections have left since there were most, so that their memory can be given back.
//
// What a client leaves behind is freed, but lies in pieces between what lives on, where the allocator keeps it. Giving
// it back to the system (malloc_trim) takes a walk over the heap; so it is done only when it is worth it. A session
// that was closed is freed when its client has answered or client.close_timeout has passed, so the crowd's end is
// awaited. Thread: one.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pushwire::server {

class Ebb {
 public:
  // Fewer are not worth a walk: about 250 KiB.
  static constexpr std::int64_t kFewest = 1000;

  // Looks in a row that see nearly nobody leave, before the ebb is over: longer than the default close timeout when
  // there is a look every second.
  static constexpr int kStillLooks = 4;

  // To be asked regularly. True once after the count has fallen to half of the most since the last true, as soon as it
  // no longer falls by more than a hundredth of that from look to look.
  bool has_passed(std::int64_t connections) noexcept {
    most_ = std::max(most_, connections);
    still_ = last_ - connections > most_ / 100 ? 0 : still_ + 1;
    last_ = connections;
    if (still_ < kStillLooks || connections > most_ / 2 || most_ - connections < kFewest) {
      return false;
    }
    most_ = connections;
    return true;
  }

 private:
  std::int64_t most_ = 0;
  std::int64_t last_ = 0;
  int still_ = 0;
};

}  // namespace pushwire::server
