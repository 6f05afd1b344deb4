#include "server/config_result.h"

#include <gtest/gtest.h>

namespace pushwire::server {
namespace {

TEST(ConfigResult, AMistakeStandsAtTheFirstKeyThatWasSet) {
  LoadResult result;
  result.places.emplace("heartbeat.interval", "a.toml:3: heartbeat.interval");
  EXPECT_EQ(result.where({"heartbeat.timeout", "heartbeat.interval"}), "a.toml:3: heartbeat.interval");
  EXPECT_EQ(result.where({"log.level"}), "log.level");
  result.add({"heartbeat.timeout", "heartbeat.interval"}, "too short");
  ASSERT_EQ(result.mistakes.size(), 1U);
  EXPECT_EQ(result.mistakes[0].message(), "a.toml:3: heartbeat.interval: too short");
  EXPECT_FALSE(result.good());
}

TEST(ConfigResult, ARuleOverARefusedValueIsUnsound) {
  LoadResult result;
  result.faulty.emplace("log.level");
  EXPECT_FALSE(result.sound({"log.format", "log.level"}));
  EXPECT_TRUE(result.sound({"log.format"}));
}

}  // namespace
}  // namespace pushwire::server
