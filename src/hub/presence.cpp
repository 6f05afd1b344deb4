#include "hub/presence.h"

#include <atomic>
#include <cstdlib>

#include "base/check.h"

namespace pushwire::hub {
namespace {

constexpr unsigned char kFull = 255;

std::size_t cell_of(std::uint64_t hash) {
  return hash & (Presence::kCells - 1);
}

}  // namespace

// calloc, because it takes untouched pages from the kernel and need not write zeros into them.
Presence::Presence() : cells_(static_cast<unsigned char*>(std::calloc(kCells, 1))) {
  PW_CHECK(cells_ != nullptr);
}

void Presence::Free::operator()(unsigned char* cells) const noexcept {
  std::free(cells);
}

void Presence::add(std::uint64_t hash) noexcept {
  const std::atomic_ref cell(cells_[cell_of(hash)]);
  unsigned char value = cell.load(std::memory_order_relaxed);
  while (value != kFull && !cell.compare_exchange_weak(value, static_cast<unsigned char>(value + 1))) {
  }
}

void Presence::remove(std::uint64_t hash) noexcept {
  const std::atomic_ref cell(cells_[cell_of(hash)]);
  unsigned char value = cell.load(std::memory_order_relaxed);
  while (value != kFull && !cell.compare_exchange_weak(value, static_cast<unsigned char>(value - 1))) {
  }
}

bool Presence::may_have(std::uint64_t hash) const noexcept {
  return std::atomic_ref(cells_[cell_of(hash)]).load(std::memory_order_acquire) != 0;
}

}  // namespace pushwire::hub
