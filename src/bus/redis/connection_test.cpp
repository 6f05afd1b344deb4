#include "bus/redis/connection.h"

#include <gmock/gmock.h>

#include "bus/redis/link_test_support.h"

namespace pushwire::bus {
namespace {

using namespace redis::test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct RedisConnectionEachMode : EachMode {};
INSTANTIATE_TEST_SUITE_P(Redis, RedisConnectionEachMode, ::testing::Values(RedisMode::kPubSub, RedisMode::kStreams),
                         mode_name);

TEST_P(RedisConnectionEachMode, RefusalNamesItsSettingAndIsTriedAgain) {
  const struct {
    const char* command;
    const char* error;
    const char* setting;
  } cases[] = {
      {"AUTH", "WRONGPASS invalid username-password pair or user is disabled.", "bus.redis.password: "},
      {"PING", "NOAUTH Authentication required.", "bus.redis.password: "},
      {"PING", "LOADING Redis is loading the dataset in memory", "bus.redis.address: "},
      {"PING", "DENIED Redis is running in protected mode", "bus.redis.address: "},
      {GetParam() == RedisMode::kPubSub ? "SUBSCRIBE" : "XINFO", "NOPERM no permissions", "bus.redis.username: "},
  };
  settings.redis.username = "push";
  settings.redis.password = "secret";
  make(GetParam());
  ASSERT_TRUE(link->open());
  for (const auto& each : cases) {
    server.script = [&](const Words& words) {
      return words[0] == each.command ? "-" + std::string(each.error) + "\r\n" : FakeServer::kAsUsual;
    };
    ASSERT_TRUE(wait([&] { return seen.down.find(each.error) != seen.down.npos; })) << seen.down;
    EXPECT_THAT(seen.down, StartsWith(each.setting));
    EXPECT_EQ(seen.ups, 0);
  }
  server.script = [](const Words&) { return FakeServer::kAsUsual; };
  ASSERT_TRUE(wait([&] { return seen.ups == 1; }));
  EXPECT_THAT(seen.gaps, IsEmpty());
}

TEST_P(RedisConnectionEachMode, LogsInBeforeAnythingElse) {
  settings.redis.username = "push";
  settings.redis.password = "secret";
  ASSERT_TRUE(up(GetParam()));
  EXPECT_THAT(server.heard.front(), ElementsAre("AUTH", "push", "secret"));
  EXPECT_EQ(server.count("AUTH"), 2);
}

TEST_P(RedisConnectionEachMode, PasswordAloneIsSentAsSuch) {
  settings.redis.password = "secret";
  ASSERT_TRUE(up(GetParam()));
  EXPECT_THAT(server.heard.front(), ElementsAre("AUTH", "secret"));
}

TEST_P(RedisConnectionEachMode, SilentServerIsNoticedWithinFiveSeconds) {
  ASSERT_TRUE(up(GetParam()));
  server.deaf = true;
  const MonotonicMs since = monotonic_ms();
  ASSERT_TRUE(wait([&] { return seen.downs > 0; }));
  EXPECT_LE(monotonic_ms() - since, 5'000);
  EXPECT_THAT(seen.down, HasSubstr("has not answered for 4 s"));
  server.deaf = false;
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
}

TEST_P(RedisConnectionEachMode, ServerThatAnswersIsNotTakenForSilent) {
  ASSERT_TRUE(up(GetParam()));
  const MonotonicMs since = monotonic_ms();
  (void)wait([&] {
    if (GetParam() == RedisMode::kStreams && server.count("XREAD") < 4 && monotonic_ms() - since > 1'000) {
      server.add("still here");  // the fake one does not end a read by itself
    }
    return monotonic_ms() - since > 2'500;
  });
  EXPECT_EQ(seen.downs, 0) << seen.down;
  EXPECT_GT(server.count("PING"), 2);
}

TEST_P(RedisConnectionEachMode, NonsenseIsToldAndTheConnectionMadeAgain) {
  ASSERT_TRUE(up(GetParam()));
  server.say_to_all("HTTP/1.1 400 Bad Request\r\n\r\n");
  ASSERT_TRUE(wait([&] { return seen.downs > 0; }));
  EXPECT_THAT(seen.down, HasSubstr("does not speak as Redis does"));
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
}

TEST_P(RedisConnectionEachMode, ServerThatHangsUpAtOnceIsSuspectedOfTls) {
  make(GetParam());
  ASSERT_TRUE(link->open());
  ASSERT_TRUE(wait([&] {
    server.hang_up();
    return seen.downs > 1;
  }));
  EXPECT_THAT(seen.down, HasSubstr("bus.redis.tls"));
}

}  // namespace
}  // namespace pushwire::bus
