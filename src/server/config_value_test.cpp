#include "server/config_value.h"

#include <gtest/gtest.h>

namespace pushwire::server {
namespace {

using std::chrono::milliseconds;

// The message of the refusal, or "" when the value was stored.
std::string refusal(std::string_view name, const RawValue& value) {
  Config config;
  const auto set = set_value(config, *find_key(name), value);
  EXPECT_EQ(set.has_value(), !(config == Config{})) << name;
  return set ? "" : set.error().message;
}

TEST(ConfigValue, StoresEachType) {
  Config config;
  ASSERT_TRUE(set_value(config, *find_key("client.path"), std::string("/x")));
  ASSERT_TRUE(set_value(config, *find_key("client.listen"), std::vector<std::string>{"[::1]:1", "localhost:2"}));
  ASSERT_TRUE(set_value(config, *find_key("api.listen"), std::string("0.0.0.0:0")));
  ASSERT_TRUE(set_value(config, *find_key("node.workers"), std::int64_t{4}));
  ASSERT_TRUE(set_value(config, *find_key("api.max_body_bytes"), std::int64_t{4096}));
  ASSERT_TRUE(set_value(config, *find_key("outbox.soft_bytes"), std::string("8KiB")));
  ASSERT_TRUE(set_value(config, *find_key("auth.leeway"), std::string("5s")));
  ASSERT_TRUE(set_value(config, *find_key("auth.require_exp"), false));
  ASSERT_TRUE(set_value(config, *find_key("auth.mode"), std::string("dev")));
  ASSERT_TRUE(set_value(config, *find_key("session.on_limit"), std::string("reject_new")));
  ASSERT_TRUE(set_value(config, *find_key("log.level"), std::string("error")));
  ASSERT_TRUE(set_value(config, *find_key("log.format"), std::string("json")));
  EXPECT_EQ(config.client.path, "/x");
  EXPECT_EQ(config.client.listen, (Config::Addresses{{"::1", 1}, {"127.0.0.1", 2}}));
  EXPECT_EQ(config.api.listen, (Config::Addresses{{"0.0.0.0", 0}}));
  EXPECT_EQ(config.node.workers, 4U);
  EXPECT_EQ(config.api.max_body_bytes, 4096U);
  EXPECT_EQ(config.outbox.soft_bytes, 8192U);
  EXPECT_EQ(config.auth.leeway, milliseconds(5'000));
  EXPECT_FALSE(config.auth.require_exp);
  EXPECT_EQ(config.auth.mode, AuthMode::kDev);
  EXPECT_EQ(config.session.on_limit, OnLimit::kRejectNew);
  EXPECT_EQ(config.log.level, LogLevel::kError);
  EXPECT_EQ(config.log.format, LogStyle::kJson);
}

TEST(ConfigValue, BareTextsTakeTheTypeOfTheKey) {
  Config config;
  ASSERT_TRUE(set_value(config, *find_key("client.listen"), BareText{"127.0.0.1:1, [::1]:2"}));
  ASSERT_TRUE(set_value(config, *find_key("node.workers"), BareText{"7"}));
  ASSERT_TRUE(set_value(config, *find_key("auth.require_exp"), BareText{"false"}));
  ASSERT_TRUE(set_value(config, *find_key("api.max_body_bytes"), BareText{"2048"}));
  ASSERT_TRUE(set_value(config, *find_key("topics.allow"), BareText{"a,b*"}));
  EXPECT_EQ(config.client.listen.size(), 2U);
  EXPECT_EQ(config.node.workers, 7U);
  EXPECT_FALSE(config.auth.require_exp);
  EXPECT_EQ(config.api.max_body_bytes, 2048U);
  EXPECT_EQ(config.topics.allow, (Config::Texts{"a", "b*"}));
  ASSERT_TRUE(set_value(config, *find_key("topics.allow"), BareText{""}));
  EXPECT_TRUE(config.topics.allow.empty());
}

TEST(ConfigValue, TextsHaveNoCommasInTheFile) {
  EXPECT_NE(refusal("client.listen", std::string("127.0.0.1:1,127.0.0.1:2")), "");
}

TEST(ConfigValue, RefusesWrongTypes) {
  EXPECT_EQ(refusal("client.path", std::int64_t{5}), "5 is of the wrong type, expected a text");
  EXPECT_EQ(refusal("node.workers", std::string("5")),
            "\"5\" is of the wrong type, expected a whole number from 1 to 256 or 0 (one per usable core)");
  EXPECT_EQ(refusal("node.workers", BareText{"many"}),
            "\"many\" is of the wrong type, expected a whole number from 1 to 256 or 0 (one per usable core)");
  EXPECT_EQ(refusal("node.workers", Unsuitable{"a number with a fraction"}),
            "a number with a fraction is of the wrong type, expected a whole number from 1 to 256 or 0 (one per usable "
            "core)");
  EXPECT_EQ(refusal("api.max_body_bytes", true), "true is of the wrong type, expected a size from 1KiB to 1GiB");
  EXPECT_EQ(refusal("auth.leeway", false), "false is of the wrong type, expected a duration from 0ms to 1h");
  EXPECT_EQ(refusal("auth.require_exp", std::string("false")),
            "\"false\" is of the wrong type, expected true or false");
  EXPECT_EQ(refusal("auth.require_exp", BareText{"no"}), "\"no\" is of the wrong type, expected true or false");
  EXPECT_EQ(refusal("auth.mode", std::int64_t{1}), "1 is of the wrong type, expected \"jwt\" or \"dev\"");
  EXPECT_EQ(refusal("topics.allow", Unsuitable{"a table"}), "a table is of the wrong type, expected a list of texts");
  EXPECT_EQ(refusal("client.listen", std::int64_t{8000}),
            "8000 is of the wrong type, expected addresses like \"127.0.0.1:8000\"");
}

TEST(ConfigValue, RefusesWhatIsOutOfRange) {
  EXPECT_EQ(refusal("node.workers", std::int64_t{257}),
            "257 is out of range, expected a whole number from 1 to 256 or 0 (one per usable core)");
  EXPECT_EQ(refusal("node.workers", std::int64_t{-1}),
            "-1 is out of range, expected a whole number from 1 to 256 or 0 (one per usable core)");
  EXPECT_EQ(refusal("dedup.max_ids", BareText{"99999999999999999999999"}),
            "\"99999999999999999999999\" is out of range, expected a whole number from 1 to 100000000");
  EXPECT_EQ(refusal("dedup.max_ids", std::int64_t{0}),
            "0 is out of range, expected a whole number from 1 to 100000000");
  EXPECT_EQ(refusal("api.max_body_bytes", std::string("2GiB")),
            "\"2GiB\" is out of range, expected a size from 1KiB to 1GiB");
  EXPECT_EQ(refusal("auth.leeway", std::string("2h")), "\"2h\" is out of range, expected a duration from 0ms to 1h");
}

TEST(ConfigValue, RefusesBareNumbersAsDurations) {
  const std::string expected = " is a number without a unit, expected a whole number with ms, s, m or h like \"10s\"";
  EXPECT_EQ(refusal("auth.leeway", std::int64_t{10}), "10" + expected);
  EXPECT_EQ(refusal("auth.leeway", BareText{"10"}), "\"10\"" + expected);
}

TEST(ConfigValue, RefusesUnknownUnitsAndChoices) {
  EXPECT_EQ(refusal("api.max_body_bytes", std::string("64KB")),
            "\"64KB\" is not a size, expected bytes or a whole number with KiB, MiB or GiB like \"64KiB\"");
  EXPECT_EQ(refusal("log.level", std::string("loud")),
            "\"loud\" is unknown, expected \"debug\", \"info\", \"warning\" or \"error\"");
}

TEST(ConfigValue, EachTextOfAListObeysTheRule) {
  EXPECT_EQ(refusal("client.allowed_origins", std::vector<std::string>{"https://a", "b"}),
            "\"b\" is not an origin, expected scheme://host[:port] like \"https://app.example.com\", or \"*\" alone");
  EXPECT_EQ(refusal("client.listen", std::vector<std::string>{}),
            "no address, expected one or more addresses like \"127.0.0.1:8000\"");
}

TEST(ConfigValue, RefusesZeroBytesAndBadUtf8) {
  EXPECT_EQ(refusal("auth.issuer", std::string("a\0b", 3)),
            "\"a\\x00b\" is not UTF-8 or has a zero byte, expected a text");
  EXPECT_EQ(refusal("auth.issuer", BareText{"\xff"}), "\"\\xff\" is not UTF-8 or has a zero byte, expected a text");
}

TEST(ConfigValue, NeverShowsASecret) {
  EXPECT_EQ(refusal("api.keys", std::vector<std::string>{"top secret"}),
            "the value (secret, not shown) is not an API key, expected 1 to 512 visible ASCII characters without "
            "blanks");
  EXPECT_EQ(refusal("auth.hmac_secret", std::int64_t{424242}),
            "the value (secret, not shown) is of the wrong type, expected a text");
}

}  // namespace
}  // namespace pushwire::server
