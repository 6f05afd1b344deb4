#include "server/config_keys.h"

#include <gtest/gtest.h>

#include <set>

#include "server/config_value.h"

namespace pushwire::server {
namespace {

TEST(ConfigKeys, NamesAndVariablesAreUnique) {
  std::set<std::string, std::less<>> names;
  std::set<std::string, std::less<>> variables;
  for (const ConfigKey& key : config_keys()) {
    EXPECT_TRUE(names.emplace(key.name).second) << key.name;
    EXPECT_TRUE(variables.emplace(environment_name(key)).second) << key.name;
    EXPECT_FALSE(key.help.empty()) << key.name;
  }
}

TEST(ConfigKeys, DefaultTextsAreTheDefaultsOfConfigAndObeyTheirOwnRules) {
  for (const ConfigKey& key : config_keys()) {
    if (key.default_text.empty()) {
      EXPECT_EQ(value_text(Config{}, key), "") << key.name;
      continue;
    }
    Config config;
    const auto set = set_value(config, key, BareText{std::string(key.default_text)});
    ASSERT_TRUE(set) << key.name << ": " << set.error().message;
    EXPECT_EQ(config, Config{}) << key.name;
  }
}

TEST(ConfigKeys, EveryKeyHasAFieldOfItsOwn) {
  Config config;
  std::set<const void*> fields;
  for (const ConfigKey& key : config_keys()) {
    const void* field = std::visit([](auto* pointer) -> const void* { return pointer; }, key.field(config));
    EXPECT_TRUE(fields.insert(field).second) << key.name;
  }
}

TEST(ConfigKeys, KeysOfLaterIssuesAreUnknown) {
  for (const char* name : {"node.memory_budget", "client.trusted_proxies"}) {
    EXPECT_EQ(find_key(name), nullptr) << name;
  }
}

TEST(ConfigKeys, VariablesAreTheNameInCapitals) {
  EXPECT_EQ(environment_name(*find_key("client.listen")), "PUSHWIRE_CLIENT_LISTEN");
  EXPECT_EQ(environment_name(*find_key("session.max_connections_per_user")),
            "PUSHWIRE_SESSION_MAX_CONNECTIONS_PER_USER");
  EXPECT_EQ(environment_name(*find_key("bus.redis.address")), "PUSHWIRE_BUS_REDIS_ADDRESS");
}

TEST(ConfigKeys, SuggestsTheKeyThatWasMeant) {
  EXPECT_EQ(suggest_key("client.lisen"), ", did you mean client.listen?");
  EXPECT_EQ(suggest_key("clinet.listen"), ", did you mean client.listen?");
  EXPECT_EQ(suggest_key("heartbeat.intervall"), ", did you mean heartbeat.interval?");
  EXPECT_EQ(suggest_key("hmac_secret_file"), ", did you mean auth.hmac_secret_file?");
  EXPECT_EQ(suggest_key("bus.redis.adress"), ", did you mean bus.redis.address?");
  EXPECT_EQ(suggest_key("name_servers"), ", did you mean bus.rocketmq.name_servers?");
  EXPECT_EQ(suggest_key("something.else.entirely"), "");
  EXPECT_EQ(suggest_environment("PUSHWIRE_CLIENT_LISTN"), ", did you mean PUSHWIRE_CLIENT_LISTEN?");
}

TEST(ConfigKeys, SaysWhatIsExpected) {
  EXPECT_EQ(expectation(*find_key("client.max_connections")), "a whole number from 1 to 100000000 or 0 (no limit)");
  EXPECT_EQ(expectation(*find_key("api.max_body_bytes")), "a size from 1KiB to 1GiB");
  EXPECT_EQ(expectation(*find_key("auth.leeway")), "a duration from 0ms to 1h");
  EXPECT_EQ(expectation(*find_key("auth.require_exp")), "true or false");
  EXPECT_EQ(expectation(*find_key("auth.mode")), "\"jwt\" or \"dev\"");
  EXPECT_EQ(expectation(*find_key("bus.kind")),
            "\"embedded\", \"rocketmq\", \"redis\", \"nats\", \"kafka\" or \"zookeeper\"");
  EXPECT_EQ(expectation(*find_key("client.path")), "a text");
  EXPECT_EQ(expectation(*find_key("topics.allow")), "a list of texts");
  EXPECT_EQ(expectation(*find_key("api.listen")), "addresses like \"127.0.0.1:8000\"");
}

}  // namespace
}  // namespace pushwire::server
