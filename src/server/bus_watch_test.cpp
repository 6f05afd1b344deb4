#include "server/bus_watch.h"

#include <gtest/gtest.h>

namespace pushwire::server {
namespace {

TEST(BusWatch, ABusThatIsUpAtOnceMakesTheNodeReadyOnce) {
  BusWatch watch(0);
  EXPECT_FALSE(watch.ready());
  EXPECT_EQ(watch.look(true, 0), BusNews::kReady);
  EXPECT_TRUE(watch.ready());
  EXPECT_EQ(watch.look(true, 10), BusNews::kNone);
}

TEST(BusWatch, ABusThatIsAwayAtTheStartIsToldSoonAndEveryTenSeconds) {
  BusWatch watch(100);
  EXPECT_EQ(watch.look(false, 1'099), BusNews::kNone);
  EXPECT_EQ(watch.look(false, 1'100), BusNews::kStillAway);
  EXPECT_EQ(watch.look(false, 11'099), BusNews::kNone);
  EXPECT_EQ(watch.look(false, 11'100), BusNews::kStillAway);
  EXPECT_FALSE(watch.ready());
  EXPECT_EQ(watch.look(true, 11'200), BusNews::kReady);
}

TEST(BusWatch, ABusThatGoesAwayLaterIsToldAgainAfterTenSeconds) {
  BusWatch watch(0);
  EXPECT_EQ(watch.look(true, 0), BusNews::kReady);
  EXPECT_EQ(watch.look(true, 50'000), BusNews::kNone);
  EXPECT_EQ(watch.look(false, 50'001), BusNews::kNone);  // the bus has said so itself
  EXPECT_EQ(watch.look(false, 60'000), BusNews::kStillAway);
  EXPECT_EQ(watch.look(true, 60'001), BusNews::kNone);
  EXPECT_TRUE(watch.ready());
}

}  // namespace
}  // namespace pushwire::server
