#include "base/quiet_log.h"

#include <gtest/gtest.h>

namespace pushwire {
namespace {

std::string logged(QuietLog& log, MonotonicMs now, int number) {
  testing::internal::CaptureStderr();
  log.warn(now, "event {}", number);
  return testing::internal::GetCapturedStderr();
}

TEST(QuietLog, WritesTheFirstAndCountsTheRestOfThePeriod) {
  QuietLog log;
  EXPECT_NE(logged(log, 5, 1).find("event 1\n"), std::string::npos);
  EXPECT_EQ(logged(log, 6, 2), "");
  EXPECT_EQ(logged(log, 5 + QuietLog::kPeriodMs - 1, 3), "");
  EXPECT_EQ(log.left_out(), 2U);
}

TEST(QuietLog, SaysHowManyWereLeftOut) {
  QuietLog log;
  (void)logged(log, 0, 1);
  (void)logged(log, 1, 2);
  EXPECT_NE(logged(log, QuietLog::kPeriodMs, 3).find("event 3 (1 more like this since the last such line)"),
            std::string::npos);
  EXPECT_NE(logged(log, 2 * QuietLog::kPeriodMs, 4).find("event 4\n"), std::string::npos);
}

}  // namespace
}  // namespace pushwire
