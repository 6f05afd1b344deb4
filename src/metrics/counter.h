// Counter, Gauge, Histogram: numbers that one worker writes and a scraper reads.
// Thread: exactly one writer (the owner); any thread reads. A write is a plain load and store, no locked instruction.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace pushwire::metrics {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void add(std::int64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Durations in fixed buckets, about a factor of two apart from 50 microseconds to 10 seconds.
class Histogram {
 public:
  static constexpr std::array<double, 16> kBoundsSeconds = {
      0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0};

  void observe_ns(std::int64_t ns) noexcept;
  // Number of observations in bucket `i` alone; i == kBoundsSeconds.size() is what exceeded the last bound.
  std::uint64_t bucket(std::size_t i) const noexcept { return buckets_[i].value(); }
  double sum_seconds() const noexcept { return static_cast<double>(sum_ns_.value()) * 1e-9; }

 private:
  std::array<Counter, kBoundsSeconds.size() + 1> buckets_;
  Counter sum_ns_;
};

}  // namespace pushwire::metrics
