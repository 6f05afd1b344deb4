#include "server/ebb.h"

#include <gtest/gtest.h>

namespace pushwire::server {
namespace {

TEST(Ebb, ComesWhenHalfHaveLeftAndAgainWhenHalfOfTheRestHave) {
  Ebb ebb;
  EXPECT_FALSE(ebb.has_come(10'000));
  EXPECT_FALSE(ebb.has_come(5'001));
  EXPECT_TRUE(ebb.has_come(5'000));
  EXPECT_FALSE(ebb.has_come(5'000));
  EXPECT_FALSE(ebb.has_come(2'501));
  EXPECT_TRUE(ebb.has_come(2'000));
}

TEST(Ebb, AFloodBeginsAnew) {
  Ebb ebb;
  EXPECT_FALSE(ebb.has_come(4'000));
  EXPECT_TRUE(ebb.has_come(1'000));
  EXPECT_FALSE(ebb.has_come(8'000));
  EXPECT_FALSE(ebb.has_come(4'001));
  EXPECT_TRUE(ebb.has_come(0));
}

TEST(Ebb, FewLeavingIsNone) {
  Ebb ebb;
  EXPECT_FALSE(ebb.has_come(999));
  EXPECT_FALSE(ebb.has_come(0));
}

}  // namespace
}  // namespace pushwire::server
