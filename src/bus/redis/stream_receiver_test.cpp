#include "bus/redis/stream_receiver.h"

#include <gmock/gmock.h>

#include "bus/redis/link_test_support.h"

namespace pushwire::bus {
namespace {

using namespace redis::test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct RedisStreamReceiver : LinkTest {};

TEST_F(RedisStreamReceiver, ReadsFromTheEndThatWasThereBeforeItWasUp) {
  server.add("old");
  bool asked = false;
  server.script = [&](const Words& words) {
    if (words[0] == "XREAD" && !std::exchange(asked, true)) {
      server.add("new");  // after the end was asked for, before the first read
    }
    return FakeServer::kAsUsual;
  };
  ASSERT_TRUE(up(RedisMode::kStreams));
  ASSERT_TRUE(wait([&] { return !seen.records.empty(); }));
  EXPECT_THAT(seen.records, ElementsAre("new"));
}

TEST_F(RedisStreamReceiver, GoesOnWhereItWasAfterALoss) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.add("one");
  ASSERT_TRUE(wait([&] { return seen.records.size() == 1; }));
  server.hang_up();
  server.add("two");
  server.add("three");
  ASSERT_TRUE(wait([&] { return seen.ups == 2 && seen.records.size() == 3; }));
  EXPECT_THAT(seen.records, ElementsAre("one", "two", "three"));
  EXPECT_THAT(seen.gaps, IsEmpty());
  EXPECT_TRUE(link->capabilities().replay);
}

TEST_F(RedisStreamReceiver, StreamThatWasTrimmedBeyondTheOwnPositionIsAGap) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.hang_up();
  server.add("missed");
  server.add("kept");
  server.stream.erase(server.stream.begin(), server.stream.begin() + 2);
  ASSERT_TRUE(wait([&] { return seen.ups == 2 && seen.records.size() == 1; }));
  EXPECT_THAT(seen.records, ElementsAre("kept"));
  ASSERT_EQ(seen.gaps.size(), 1U);
  EXPECT_THAT(seen.gaps[0], HasSubstr("does not reach back"));
}

TEST_F(RedisStreamReceiver, StreamThatWasTrimmedToItsEndIsNoGapForWhoHasReadIt) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.hang_up();
  server.stream.clear();
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
  EXPECT_THAT(seen.gaps, IsEmpty());
}

TEST_F(RedisStreamReceiver, ServerThatLostItsStreamIsAGapAndAllThatIsNewIsRead) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.hang_up();
  server.stream.clear();
  server.stream_exists = false;
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
  ASSERT_EQ(seen.gaps.size(), 1U);
  EXPECT_THAT(seen.gaps[0], HasSubstr("has lost its stream"));
  server.last_id = {5, 0};  // its clock went back, too
  server.add("new");
  ASSERT_TRUE(wait([&] { return seen.records.size() == 1; }));
}

TEST_F(RedisStreamReceiver, PausedReaderAsksForNothingMore) {
  ASSERT_TRUE(up(RedisMode::kStreams));
  seen.when_record = [&] { link->pause(); };
  server.add("one");
  ASSERT_TRUE(wait([&] { return seen.records.size() == 1; }));
  const int reads = server.count("XREAD");
  server.add("two");
  const MonotonicMs since = monotonic_ms();
  (void)wait([&] { return monotonic_ms() - since > 200; });
  EXPECT_EQ(seen.records.size(), 1U);
  EXPECT_EQ(server.count("XREAD"), reads);
  link->resume();
  ASSERT_TRUE(wait([&] { return seen.records.size() == 2; }));
  EXPECT_EQ(seen.ups, 1);
}

TEST_F(RedisStreamReceiver, PausedReaderFindsOutThatItsPositionWasTrimmedAway) {
  ASSERT_TRUE(up(RedisMode::kStreams));
  seen.when_record = [&] { link->pause(); };
  server.add("one");
  ASSERT_TRUE(wait([&] { return seen.records.size() == 1; }));
  server.add("missed");
  server.add("kept");
  server.stream.erase(server.stream.begin(), server.stream.begin() + 2);
  link->resume();
  ASSERT_TRUE(wait([&] { return seen.records.size() == 2; }));
  EXPECT_THAT(seen.records, ElementsAre("one", "kept"));
  EXPECT_EQ(seen.gaps.size(), 1U);
}

}  // namespace
}  // namespace pushwire::bus
