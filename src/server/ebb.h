// Ebb: sees that many connections have left since there were most, so that their memory can be given back.
//
// What a client leaves behind is freed, but lies in pieces between what lives on, where the allocator keeps it. Giving
// it back to the system (malloc_trim) takes a walk over the heap; so it is done only when it is worth it.
// Thread: one.
#pragma once

#include <cstdint>

namespace pushwire::server {

class Ebb {
 public:
  // Fewer are not worth a walk: about 250 KiB.
  static constexpr std::int64_t kFewest = 1000;

  // To be asked again and again; true each time the count has fallen to half of the most since the last true.
  bool has_come(std::int64_t connections) noexcept {
    most_ = connections > most_ ? connections : most_;
    if (connections > most_ / 2 || most_ - connections < kFewest) {
      return false;
    }
    most_ = connections;
    return true;
  }

 private:
  std::int64_t most_ = 0;
};

}  // namespace pushwire::server
