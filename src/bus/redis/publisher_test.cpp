#include "bus/redis/publisher.h"

#include <gmock/gmock.h>

#include "bus/redis/link_test_support.h"

namespace pushwire::bus {
namespace {

using namespace redis::test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct RedisPublisher : LinkTest {};
struct RedisPublisherEachMode : EachMode {};
INSTANTIATE_TEST_SUITE_P(Redis, RedisPublisherEachMode, ::testing::Values(RedisMode::kPubSub, RedisMode::kStreams),
                         mode_name);

TEST_P(RedisPublisherEachMode, RefusedRecordTakesThePublishingSideDownWithItsReason) {
  ASSERT_TRUE(up(GetParam()));
  server.script = [](const Words& words) {
    return words[0] == "PUBLISH" || words[0] == "XADD" ? "-OOM command not allowed\r\n" : FakeServer::kAsUsual;
  };
  send(1, "x");
  ASSERT_TRUE(wait([&] { return seen.downs == 1; }));
  EXPECT_THAT(seen.down, HasSubstr("maxmemory"));
  EXPECT_THAT(seen.sent, IsEmpty());
  EXPECT_THAT(seen.gaps, IsEmpty()) << "the receiving side was not touched";
  server.script = [](const Words&) { return FakeServer::kAsUsual; };
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
  send(1, "x");
  ASSERT_TRUE(wait([&] { return seen.sent.size() == 1; }));
}

TEST_P(RedisPublisherEachMode, TakesNoMoreThanItsShareOfWhatTheSocketDoesNotTakeAndNoSmallOneBeforeALargeOne) {
  ASSERT_TRUE(up(GetParam()));
  const std::string large(std::size_t{16} << 20, 'x');
  for (std::uint64_t number = 1; number <= 5; ++number) {
    send(number, large);
  }
  send(6, "small");
  EXPECT_THAT(seen.sent, IsEmpty()) << "called back inside send()";
  link->flush();
  EXPECT_THAT(seen.sent, ElementsAre(std::pair(5U, SendResult::kTryAgain), std::pair(6U, SendResult::kTryAgain)));
  seen.sent.clear();
  server.script = [](const Words& words) {
    return words[0] == "PUBLISH" ? ":1\r\n" : words[0] == "XADD" ? bulk("1-0") : FakeServer::kAsUsual;
  };
  ASSERT_TRUE(wait([&] { return seen.sent.size() == 4; }, 60'000)) << seen.down;
  send(5, "again");
  ASSERT_TRUE(wait([&] { return seen.sent.size() == 5; }));
  EXPECT_EQ(seen.sent.back(), std::pair(std::uint64_t{5}, SendResult::kStored));
}

TEST_F(RedisPublisher, RecordThatNobodyGotIsToBeSentAgain) {
  ASSERT_TRUE(up(RedisMode::kPubSub));
  server.script = [](const Words& words) { return words[0] == "PUBLISH" ? ":0\r\n" : FakeServer::kAsUsual; };
  send(5, "x");
  ASSERT_TRUE(wait([&] { return !seen.sent.empty(); }));
  EXPECT_EQ(seen.sent[0].second, SendResult::kTryAgain);
}

TEST_F(RedisPublisher, StreamIsTrimmedByTheServersOwnClockAndNotTooFar) {
  settings.max_replay_age = std::chrono::milliseconds(20'000);
  server.add("old");
  const std::uint64_t now = server.last_id.ms;
  ASSERT_TRUE(up(RedisMode::kStreams));
  send(1, "x");
  ASSERT_TRUE(wait([&] { return seen.sent.size() == 1; }));
  Words added;
  for (const Words& words : server.heard) {
    added = words[0] == "XADD" ? words : added;
  }
  EXPECT_THAT(added,
              ElementsAre("XADD", "pushwire.push", "MINID", "~", std::to_string(now - 60'000) + "-0", "*", "r", "x"));
}

}  // namespace
}  // namespace pushwire::bus
