#include "bench/histogram.h"

#include <algorithm>
#include <cmath>

namespace pushwire::bench {

std::size_t Histogram::cell_of(std::uint64_t value) noexcept {
  if (value < 2 * kHalf) {
    return value;
  }
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kDigitsBits;
  return shift * kHalf + (value >> shift);
}

std::uint64_t Histogram::highest_in(std::size_t cell) noexcept {
  if (cell < 2 * kHalf) {
    return cell;
  }
  const std::size_t shift = cell / kHalf - 1;
  return ((cell - shift * kHalf + 1) << shift) - 1;
}

void Histogram::record(std::int64_t value) noexcept {
  const std::uint64_t kept = std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0)), kLargest);
  ++cells_[cell_of(kept)];
  ++count_;
  max_ = std::max(max_, kept);
  sum_ += static_cast<double>(kept);
}

void Histogram::add(const Histogram& other) noexcept {
  for (std::size_t i = 0; i < kCells; ++i) {
    cells_[i] += other.cells_[i];
  }
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double Histogram::mean() const noexcept {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::uint64_t Histogram::at_fraction(double fraction) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kCells; ++i) {
    seen += cells_[i];
    if (seen >= wanted && seen > 0) {
      return std::min(highest_in(i), max_);
    }
  }
  return 0;
}

}  // namespace pushwire::bench
