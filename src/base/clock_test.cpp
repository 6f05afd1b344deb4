#include "base/clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace pushwire {
namespace {

TEST(Clock, FormatsTimesByRfc3339WithMilliseconds) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(1'769'851'800'123), "2026-01-31T09:30:00.123Z");
  EXPECT_EQ(format_time(951'782'400'007), "2000-02-29T00:00:00.007Z");
  EXPECT_EQ(format_time(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
}

TEST(Clock, FormatsTimesBefore1970) {
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time(-1000), "1969-12-31T23:59:59.000Z");
  EXPECT_EQ(format_time(-1001), "1969-12-31T23:59:58.999Z");
}

TEST(Clock, MonotonicTimeNeverGoesBack) {
  std::int64_t last = monotonic_ns();
  EXPECT_GT(last, 0);
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t now = monotonic_ns();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GE(monotonic_ms(), last / 1'000'000);
}

TEST(Clock, WallTimeIsTheSystemsTime) {
  const auto before = static_cast<std::int64_t>(std::time(nullptr));
  const WallMs now = wall_ms();
  const auto after = static_cast<std::int64_t>(std::time(nullptr));
  // time() may lag behind by one tick of the coarse clock.
  EXPECT_GE(now / 1000 + 1, before);
  EXPECT_LE(now / 1000 - 1, after);
}

}  // namespace
}  // namespace pushwire
