// Histogram: how often which latency was seen, after the idea of HdrHistogram (Gil Tene): linear inside each power of
// two, so that every value keeps three significant digits, in an array of fixed size. (Debian 12 has no package of it
// for C++.) It lives in memory shared with the parent process: a plain value without pointers.
// Thread: one writer; the reader waits until the writer has finished.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pushwire::bench {

class Histogram {
 public:
  static constexpr unsigned kDigitsBits = 11;  // 2048 steps in the first range, 1024 in each later one: under 0.1 %
  static constexpr std::uint64_t kLargest = (std::uint64_t{1} << 40) - 1;  // 18 minutes in nanoseconds

  // Values below zero count as zero, those over kLargest as kLargest.
  void record(std::int64_t value) noexcept;
  void add(const Histogram& other) noexcept;

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t max() const noexcept { return max_; }
  double mean() const noexcept;
  // The smallest recorded value (to three digits) that `fraction` of all values do not exceed; 0 when empty.
  std::uint64_t at_fraction(double fraction) const noexcept;

 private:
  static constexpr std::size_t kHalf = std::size_t{1} << (kDigitsBits - 1);
  static constexpr std::size_t kCells = 2 * kHalf + (40 - kDigitsBits) * kHalf;

  static std::size_t cell_of(std::uint64_t value) noexcept;
  static std::uint64_t highest_in(std::size_t cell) noexcept;

  std::array<std::uint64_t, kCells> cells_;
  std::uint64_t count_;
  std::uint64_t max_;
  double sum_;
};

}  // namespace pushwire::bench
