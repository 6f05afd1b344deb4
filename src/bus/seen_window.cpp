#include "bus/seen_window.h"

#include <algorithm>
#include <bit>

namespace pushwire::bus {

void SeenWindow::grow(std::uint64_t size, std::uint64_t end) {
  const std::uint64_t larger = std::bit_ceil(std::min(size, kMostSize));
  if (larger <= this->size()) {
    return;
  }
  SeenWindow grown;
  grown.bits_.assign(larger / 64, 0);
  for (std::uint64_t number = end > this->size() ? end - this->size() : 0; number < end; ++number) {
    if (test(number)) {
      grown.set(number);
    }
  }
  *this = std::move(grown);
}

}  // namespace pushwire::bus
