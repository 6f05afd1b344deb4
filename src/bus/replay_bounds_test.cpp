#include "bus/replay_bounds.h"

#include <gtest/gtest.h>

namespace pushwire::bus {
namespace {

TEST(ReplayBounds, LeaveNothingOutBeforeAnOutage) {
  const ReplayBounds bounds(10'000);
  EXPECT_FALSE(bounds.leaves_out_push(0, 5));
  EXPECT_FALSE(bounds.leaves_out_control(0, 5));
}

TEST(ReplayBounds, LeaveOutOldPushesAndControlThatNobodyWaitsForAnyMore) {
  ReplayBounds bounds(10'000);
  bounds.set(1'000'000, 5);
  EXPECT_TRUE(bounds.leaves_out_push(989'999, 6));
  EXPECT_FALSE(bounds.leaves_out_push(990'000, 6));
  EXPECT_TRUE(bounds.leaves_out_control(998'999, 6));
  EXPECT_FALSE(bounds.leaves_out_control(999'000, 6)) << "a kick, while only this node's own sending is interrupted";
}

// The clock was an hour ahead when the bus came back, and has been set right since.
TEST(ReplayBounds, EndSoThatAWrongClockDoesNoLastingHarm) {
  ReplayBounds bounds(10'000);
  bounds.set(4'600'000, 5);
  EXPECT_TRUE(bounds.leaves_out_push(1'000'000, 6));
  EXPECT_FALSE(bounds.leaves_out_push(1'000'000, 5 + 20'000 + ReplayBounds::kReadsOn));
  EXPECT_FALSE(bounds.leaves_out_control(1'000'000, 5 + 20'000 + ReplayBounds::kReadsOn));
}

TEST(ReplayBounds, GoOnWhileWhatComesIsHeldBack) {
  ReplayBounds bounds(10'000);
  bounds.set(1'000'000, 5);
  bounds.read_on(40'000);
  EXPECT_TRUE(bounds.leaves_out_push(900'000, 80'000));
  EXPECT_FALSE(bounds.leaves_out_push(900'000, 40'000 + 20'000 + ReplayBounds::kReadsOn));
}

}  // namespace
}  // namespace pushwire::bus
