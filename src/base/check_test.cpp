#include "base/check.h"

#include <gtest/gtest.h>

namespace pushwire {
namespace {

TEST(CheckDeathTest, EndsTheProcessAndNamesThePlaceAndTheCondition) {
  const int users = 0;
  EXPECT_DEATH(PW_CHECK(users == 1), "check_test\\.cpp:[0-9]+: check failed: users == 1");
}

TEST(Check, EvaluatesItsConditionOnceAndGoesOn) {
  int calls = 0;
  PW_CHECK(++calls == 1);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace pushwire
