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

// A receiver from a stream that is sure to be kept for 300 ms only.
struct ShortLived final : private redis::LegEvents {
  explicit ShortLived(LinkTest& test) : receiver(test.loop, options, "pushwire.push", 1'300, test.seen, *this) {
    options.server = *net::parse_endpoint(test.server.address(), 1);
  }
  void on_leg_up() override { ++ups; }
  void on_leg_down(const std::string&) override { ++downs; }

  int ups = 0;
  int downs = 0;
  redis::ConnectionOptions options;
  redis::StreamReceiver receiver;
};

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

TEST_F(RedisStreamReceiver, StreamThatWasTrimmedWhileItWasAwayIsOneGapHoweverYoungTheNextEntryIs) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.hang_up();
  server.add("missed");
  server.last_id.ms += 60'000;
  server.add("kept");
  server.stream.erase(server.stream.begin(), server.stream.begin() + 2);
  ASSERT_TRUE(wait([&] { return seen.ups == 2 && seen.records.size() == 1; }));
  const int reads = server.count("XREAD");
  ASSERT_TRUE(wait([&] { return server.count("XREAD") > reads; })) << "it reads on, whatever it asks before";
  EXPECT_THAT(seen.records, ElementsAre("kept"));
  EXPECT_EQ(seen.gaps.size(), 1U);
}

TEST_F(RedisStreamReceiver, NothingIsMissedBeforeTheNextEntryIfThePositionWasTheEnd) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.hang_up();
  server.stream.clear();
  ASSERT_TRUE(wait([&] { return seen.ups == 2 && server.count("XREAD") == 2; }));
  server.last_id.ms += 60'000;
  server.add("new");
  server.add("next");
  ASSERT_TRUE(wait([&] { return seen.records.size() == 2 && server.count("XREAD") == 3; }));
  EXPECT_THAT(seen.records, ElementsAre("new", "next"));
  EXPECT_THAT(seen.gaps, IsEmpty());
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

TEST_F(RedisStreamReceiver, StreamThatBeginsAnewWithLowerIdsIsNotTrimmedByTheOldOnes) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.hang_up();
  server.stream.clear();
  server.stream_exists = false;
  server.last_id = {100'000, 0};
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
  send(1, "new");
  ASSERT_TRUE(wait([&] { return seen.sent.size() == 1; }));
  Words added;
  for (const Words& words : server.heard) {
    added = words[0] == "XADD" ? words : added;
  }
  EXPECT_THAT(added, ElementsAre("XADD", "pushwire.push", "*", "r", "new"));
}

TEST_F(RedisStreamReceiver, FindsOutThatItsPositionWasTrimmedAwayWithoutALossWhenTheNextEntryIsMuchYounger) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.last_id.ms += 60'000;
  server.add("missed");
  server.add("kept");
  server.stream.erase(server.stream.begin(), server.stream.begin() + 2);
  ASSERT_TRUE(wait([&] { return !seen.gaps.empty(); }));
  EXPECT_THAT(seen.records, ElementsAre("kept"));
  server.add("next");
  ASSERT_TRUE(wait([&] { return seen.records.size() == 2; }));
  EXPECT_EQ(seen.gaps.size(), 1U);
  EXPECT_EQ(seen.ups, 1);
}

TEST_F(RedisStreamReceiver, LongQuietIsNoGap) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.last_id.ms += 60'000;
  server.add("one");
  ASSERT_TRUE(wait([&] { return server.count("XINFO") == 2 && server.count("XREAD") == 2; }));
  EXPECT_THAT(seen.records, ElementsAre("one"));
  EXPECT_THAT(seen.gaps, IsEmpty());
  EXPECT_EQ(seen.downs, 0) << "it was asked because the connection was made anew";
}

// The answer that was on its way when the process stood still is whole; what came after it may have been dropped.
TEST_F(RedisStreamReceiver, FindsOutThatItsPositionWasTrimmedAwayAfterStandingStill) {
  ShortLived short_lived(*this);
  redis::StreamReceiver& receiver = short_lived.receiver;
  server.add("old");
  receiver.open();
  ASSERT_TRUE(wait([&] { return short_lived.ups == 1 && server.count("XREAD") == 1; }));
  // Nothing is answered until more time has passed than the stream is sure to be kept.
  const MonotonicMs since = monotonic_ms();
  ASSERT_TRUE(wait([&] { return monotonic_ms() - since > 500; }));
  server.add("read");
  server.script = [&](const Words& words) {
    if (words[0] == "XINFO" && server.stream.size() == 2) {
      server.add("missed");
      server.add("kept");
      server.stream.erase(server.stream.begin(), server.stream.begin() + 3);
    }
    return FakeServer::kAsUsual;
  };
  ASSERT_TRUE(wait([&] { return !seen.gaps.empty() && seen.records.size() == 2; }));
  EXPECT_THAT(seen.records, ElementsAre("read", "kept"));
  EXPECT_EQ(seen.gaps.size(), 1U);
  EXPECT_EQ(short_lived.downs, 0) << "it was asked because the connection was made anew";
  receiver.close();
}

// Within a turn of the loop, whose time then stands still, too.
TEST_F(RedisStreamReceiver, FindsOutThatItsPositionWasTrimmedAwayAfterStandingStillOverAnAnswer) {
  ShortLived short_lived(*this);
  server.add("old");
  seen.when_record = [&] {
    if (seen.records.size() == 1) {
      for (const MonotonicMs since = monotonic_ms(); monotonic_ms() - since <= 500;) {
      }
      server.add("missed");
      server.add("kept");
      server.stream.erase(server.stream.begin(), server.stream.begin() + 3);
    }
  };
  short_lived.receiver.open();
  ASSERT_TRUE(wait([&] { return short_lived.ups == 1 && server.count("XREAD") == 1; }));
  server.add("read");
  ASSERT_TRUE(wait([&] { return seen.records.size() == 2; }));
  EXPECT_THAT(seen.records, ElementsAre("read", "kept"));
  EXPECT_EQ(seen.gaps.size(), 1U);
  short_lived.receiver.close();
}

TEST_F(RedisStreamReceiver, QuestionThatWasLongOnItsWayMayHaveMissedEntriesAlthoughThePositionWasTheEnd) {
  ShortLived short_lived(*this);
  server.add("old");
  bool asked = false;
  server.script = [&](const Words& words) {
    return words[0] == "XREAD" && !std::exchange(asked, true) ? "*-1\r\n" : FakeServer::kAsUsual;
  };
  short_lived.receiver.open();
  ASSERT_TRUE(wait([&] { return short_lived.ups == 1 && server.count("XREAD") == 2; }));
  const MonotonicMs since = monotonic_ms();
  ASSERT_TRUE(wait([&] { return monotonic_ms() - since > 500; }));
  server.add("missed");
  server.last_id.ms += 60'000;
  server.add("kept");
  server.stream.erase(server.stream.begin(), server.stream.begin() + 2);
  ASSERT_TRUE(wait([&] { return server.count("XREAD") == 3; }));
  EXPECT_THAT(seen.records, ElementsAre("kept"));
  EXPECT_EQ(seen.gaps.size(), 1U);
  short_lived.receiver.close();
}

TEST_F(RedisStreamReceiver, PausedReaderReadsNoMoreOfTheAnswerThatIsComing) {
  const std::string one = array({bulk("1-1"), array({bulk("r"), bulk("one")})});
  const std::string two = array({bulk("1-2"), array({bulk("r"), bulk("two")})});
  bool asked = false;
  server.script = [&](const Words& words) {
    return words[0] == "XREAD" && !std::exchange(asked, true) ? "*1\r\n*2\r\n" + bulk("s") + "*2\r\n" + one
                                                              : FakeServer::kAsUsual;
  };
  seen.when_record = [&] { link->pause(); };
  ASSERT_TRUE(up(RedisMode::kStreams));
  ASSERT_TRUE(wait([&] { return seen.records.size() == 1; }));
  server.say_to_readers(two);
  const MonotonicMs since = monotonic_ms();
  (void)wait([&] { return monotonic_ms() - since > 200; });
  EXPECT_THAT(seen.records, ElementsAre("one"));
  seen.when_record = nullptr;
  const int infos = server.count("XINFO");
  link->resume();
  ASSERT_TRUE(wait([&] { return seen.records.size() == 2 && server.count("XREAD") == 2; }));
  EXPECT_THAT(seen.records, ElementsAre("one", "two"));
  EXPECT_EQ(server.count("XINFO"), infos + 1) << "the stream may have been trimmed meanwhile";
  EXPECT_EQ(seen.ups, 1);
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
