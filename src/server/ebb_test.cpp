#include "server/ebb.h"

#include <gtest/gtest.h>

namespace pushwire::server {
namespace {

// The look, counted from 1, at which it has passed; 0: not within 20.
int passes_after(Ebb& ebb, std::int64_t connections) {
  for (int look = 1; look <= 20; ++look) {
    if (ebb.has_passed(connections)) {
      return look;
    }
  }
  return 0;
}

TEST(Ebb, HasPassedOnceWhenHalfHaveLeftAndNobodyLeavesAnyMore) {
  Ebb ebb;
  EXPECT_FALSE(ebb.has_passed(10'000));
  EXPECT_EQ(passes_after(ebb, 5'001), 0) << "more than half are here";
  EXPECT_EQ(passes_after(ebb, 4'000), Ebb::kStillLooks + 1);
  EXPECT_EQ(passes_after(ebb, 4'000), 0) << "once";
  EXPECT_EQ(passes_after(ebb, 2'000), Ebb::kStillLooks + 1) << "half of the rest";
}

TEST(Ebb, WaitsForTheEndOfACrowdThatTakesItsTime) {
  Ebb ebb;
  for (std::int64_t left = 15'000; left >= 3'000; left -= 500) {
    EXPECT_FALSE(ebb.has_passed(left)) << left;
  }
  EXPECT_EQ(passes_after(ebb, 2'900), Ebb::kStillLooks) << "a few stragglers do not hold it up";
}

TEST(Ebb, AFloodBeginsAnew) {
  Ebb ebb;
  EXPECT_EQ(passes_after(ebb, 4'000), 0);
  EXPECT_NE(passes_after(ebb, 1'000), 0);
  EXPECT_EQ(passes_after(ebb, 8'000), 0);
  EXPECT_EQ(passes_after(ebb, 4'001), 0);
  EXPECT_NE(passes_after(ebb, 0), 0);
}

TEST(Ebb, FewLeavingIsNone) {
  Ebb ebb;
  EXPECT_FALSE(ebb.has_passed(999));
  EXPECT_EQ(passes_after(ebb, 0), 0);
}

}  // namespace
}  // namespace pushwire::server
