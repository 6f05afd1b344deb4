// SeenWindow: one bit for each of the latest numbers of a sequence. It begins small and is made larger when more have
// to be remembered one by one. Thread: its owner's. A value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pushwire::bus {

class SeenWindow {
 public:
  static constexpr std::uint64_t kFirstSize = std::uint64_t{1} << 16;  // 8 KiB
  static constexpr std::uint64_t kMostSize = std::uint64_t{1} << 20;   // 128 KiB

  // How many numbers it remembers.
  std::uint64_t size() const noexcept { return bits_.size() * 64; }
  bool test(std::uint64_t number) const noexcept { return (word(number) >> number % 64 & 1) != 0; }
  void set(std::uint64_t number) noexcept { bits_[place(number)] |= std::uint64_t{1} << number % 64; }
  void reset(std::uint64_t number) noexcept { bits_[place(number)] &= ~(std::uint64_t{1} << number % 64); }
  void clear() noexcept { bits_.assign(bits_.size(), 0); }

  // Makes it large enough for `size` numbers, if it may be; those below `end` that it remembers stay remembered.
  void grow(std::uint64_t size, std::uint64_t end);

 private:
  std::size_t place(std::uint64_t number) const noexcept { return number / 64 % bits_.size(); }
  std::uint64_t word(std::uint64_t number) const noexcept { return bits_[place(number)]; }

  std::vector<std::uint64_t> bits_ = std::vector<std::uint64_t>(kFirstSize / 64);
};

}  // namespace pushwire::bus
