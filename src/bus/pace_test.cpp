#include "bus/pace.h"

#include <gtest/gtest.h>

namespace pushwire::bus {
namespace {

// A second of turns with `records` each, `gap_ns` apart; in how many of them it rested.
int rests(Pace& pace, std::int64_t& now, std::uint64_t records, std::int64_t gap_ns) {
  int count = 0;
  for (const std::int64_t end = now + 1'000'000'000; now < end; now += gap_ns) {
    count += pace.after_turn(records, now) > 0 ? 1 : 0;
  }
  return count;
}

TEST(Pace, RestsOnlyWhileVeryMuchComes) {
  Pace pace;
  std::int64_t now = 1'000'000'000;
  EXPECT_EQ(rests(pace, now, 1, 1'000'000), 0) << "1,000 a second";
  EXPECT_GT(rests(pace, now, 1, 200'000), 4'000) << "5,000 a second";
  EXPECT_GT(rests(pace, now, 5, 1'000'000), 900) << "the same, since it rests";
  EXPECT_LT(rests(pace, now, 1, 1'000'000), 60);
}

TEST(Pace, DoesNotRestAfterATurnWithoutRecords) {
  Pace pace;
  std::int64_t now = 1'000'000'000;
  (void)rests(pace, now, 1, 100'000);
  EXPECT_GT(pace.after_turn(1, now), 0);
  EXPECT_EQ(pace.after_turn(0, now), 0) << "whatever it was woken for may be urgent";
}

TEST(Pace, KeepsRestingWhereItsRateIsBetweenTheTwoLimits) {
  Pace pace;
  std::int64_t now = 1'000'000'000;
  EXPECT_EQ(rests(pace, now, 9, 4'000'000), 0) << "2,250 a second";
  (void)rests(pace, now, 1, 200'000);
  EXPECT_GT(rests(pace, now, 9, 4'000'000), 200);
}

}  // namespace
}  // namespace pushwire::bus
