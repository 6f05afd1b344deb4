#include "metrics/counter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <thread>

namespace pushwire::metrics {
namespace {

constexpr std::int64_t kMicrosecond = 1000;
constexpr std::int64_t kSecond = 1'000'000'000;

std::uint64_t observations(const Histogram& histogram) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i <= Histogram::kBoundsSeconds.size(); ++i) {
    sum += histogram.bucket(i);
  }
  return sum;
}

TEST(Counter, AddsOneUnlessToldOtherwise) {
  Counter counter;
  counter.add();
  counter.add(41);
  EXPECT_EQ(counter.value(), 42U);
}

TEST(Gauge, GoesUpAndDownAndBelowZero) {
  Gauge gauge;
  gauge.add(5);
  gauge.add(-7);
  EXPECT_EQ(gauge.value(), -2);
  gauge.set(9);
  EXPECT_EQ(gauge.value(), 9);
}

TEST(Histogram, BoundsAscend) {
  for (std::size_t i = 1; i < Histogram::kBoundsSeconds.size(); ++i) {
    EXPECT_LT(Histogram::kBoundsSeconds[i - 1], Histogram::kBoundsSeconds[i]);
  }
}

// Prometheus buckets are "less or equal".
TEST(Histogram, ABoundBelongsToItsOwnBucket) {
  Histogram histogram;
  histogram.observe_ns(50 * kMicrosecond);
  EXPECT_EQ(histogram.bucket(0), 1U);
  histogram.observe_ns(50 * kMicrosecond + 1);
  EXPECT_EQ(histogram.bucket(1), 1U);
  histogram.observe_ns(kSecond);
  EXPECT_EQ(histogram.bucket(13), 1U);
  histogram.observe_ns(10 * kSecond);
  EXPECT_EQ(histogram.bucket(15), 1U);
  EXPECT_EQ(observations(histogram), 4U);
}

TEST(Histogram, KeepsWhatExceedsTheLastBound) {
  Histogram histogram;
  histogram.observe_ns(10 * kSecond + 1);
  histogram.observe_ns(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(histogram.bucket(Histogram::kBoundsSeconds.size()), 2U);
}

TEST(Histogram, TakesANegativeDurationForZero) {
  Histogram histogram;
  histogram.observe_ns(-kSecond);
  EXPECT_EQ(histogram.bucket(0), 1U);
  EXPECT_EQ(histogram.sum_seconds(), 0.0);
}

TEST(Histogram, SumsInSeconds) {
  Histogram histogram;
  histogram.observe_ns(kSecond / 2);
  histogram.observe_ns(kSecond);
  EXPECT_DOUBLE_EQ(histogram.sum_seconds(), 1.5);
}

// A data race here is for the thread sanitizer to see; a value that runs backwards is seen without.
TEST(Counter, IsReadByAnotherThreadWhileItsOwnerWrites) {
  constexpr std::uint64_t kWrites = 100'000;
  Counter counter;
  Gauge gauge;
  Histogram histogram;
  std::atomic<bool> begun{false};
  std::thread reader([&] {
    begun.store(true);
    std::uint64_t last = 0;
    while (last < kWrites) {
      const std::uint64_t value = counter.value();
      EXPECT_GE(value, last);
      EXPECT_GE(gauge.value(), 0);
      EXPECT_LE(histogram.bucket(0), kWrites);
      last = value;
    }
  });
  while (!begun.load()) {
    std::this_thread::yield();
  }
  for (std::uint64_t i = 0; i < kWrites; ++i) {
    gauge.set(static_cast<std::int64_t>(i));
    histogram.observe_ns(kMicrosecond);
    counter.add();
  }
  reader.join();
  EXPECT_EQ(counter.value(), kWrites);
  EXPECT_EQ(histogram.bucket(0), kWrites);
}

}  // namespace
}  // namespace pushwire::metrics
