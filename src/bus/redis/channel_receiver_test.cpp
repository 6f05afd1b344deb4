#include "bus/redis/channel_receiver.h"

#include <gmock/gmock.h>

#include "bus/redis/link_test_support.h"

namespace pushwire::bus {
namespace {

using namespace redis::test;
using ::testing::IsEmpty;

struct RedisChannelReceiver : LinkTest {};

TEST_F(RedisChannelReceiver, IsNotUpBeforeTheSubscriptionIsConfirmed) {
  server.script = [](const Words& words) { return words[0] == "SUBSCRIBE" ? "" : FakeServer::kAsUsual; };
  make(RedisMode::kPubSub);
  ASSERT_TRUE(link->open());
  ASSERT_TRUE(wait([&] { return server.count("SUBSCRIBE") == 1 && server.count("PING") == 2; }));
  const MonotonicMs since = monotonic_ms();
  (void)wait([&] { return monotonic_ms() - since > 200; });
  EXPECT_EQ(seen.ups, 0);
}

TEST_F(RedisChannelReceiver, LostSubscriptionIsAGap) {
  ASSERT_TRUE(up(RedisMode::kPubSub));
  server.hang_up();
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
  EXPECT_EQ(seen.gaps.size(), 1U);
  EXPECT_FALSE(link->capabilities().replay);
}

TEST_F(RedisChannelReceiver, PausedSubscriberReadsNothingAndLosesNothing) {
  ASSERT_TRUE(up(RedisMode::kPubSub));
  link->pause();
  server.send_out("pushwire.push", "waits");
  const MonotonicMs since = monotonic_ms();
  (void)wait([&] { return monotonic_ms() - since > 200; });
  EXPECT_THAT(seen.records, IsEmpty());
  link->resume();
  ASSERT_TRUE(wait([&] { return seen.records.size() == 1; }));
}

}  // namespace
}  // namespace pushwire::bus
