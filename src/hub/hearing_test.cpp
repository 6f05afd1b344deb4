#include "hub/hearing.h"

#include <gtest/gtest.h>

namespace pushwire::hub {
namespace {

TEST(Hearing, KnowsAllSomeTimeAfterItHeardItselfFirst) {
  Hearing hearing;
  EXPECT_TRUE(hearing.is_curious());
  EXPECT_FALSE(hearing.is_good(1'000));
  hearing.heard_itself(1'000);
  EXPECT_FALSE(hearing.is_curious());
  EXPECT_TRUE(hearing.is_good(1'000));
  EXPECT_FALSE(hearing.knows_all(1'999));
  EXPECT_TRUE(hearing.knows_all(2'000));
}

TEST(Hearing, IsDeafWhenItDoesNotHearItself) {
  Hearing hearing;
  hearing.heard_itself(1'000);
  hearing.heard_itself(3'000);
  EXPECT_TRUE(hearing.knows_all(7'999));
  EXPECT_FALSE(hearing.is_good(8'000));
  EXPECT_FALSE(hearing.knows_all(8'000));
  hearing.heard_itself(9'000);
  EXPECT_TRUE(hearing.is_good(9'000));
  EXPECT_FALSE(hearing.knows_all(9'999)) << "others may have come meanwhile";
  EXPECT_TRUE(hearing.knows_all(10'000));
}

TEST(Hearing, BeginsAnewWhenTheBusComesBack) {
  Hearing hearing;
  hearing.heard_itself(1'000);
  hearing.came_up();
  EXPECT_TRUE(hearing.is_curious());
  EXPECT_FALSE(hearing.knows_all(2'000));
}

}  // namespace
}  // namespace pushwire::hub
