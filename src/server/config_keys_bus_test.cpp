#include <gtest/gtest.h>

#include <set>

#include "server/config_keys.h"
#include "server/config_value.h"

namespace pushwire::server {
namespace {

TEST(ConfigKeysBus, EveryKeyNeedsARestart) {
  for (const ConfigKey& key : bus_config_keys()) {
    EXPECT_EQ(key.on_reload, OnReload::kRestart) << key.name;
    EXPECT_TRUE(key.name.starts_with("bus.")) << key.name;
    EXPECT_EQ(find_key(key.name)->name, key.name);
  }
}

TEST(ConfigKeysBus, SecretsAreThoseThatOneLogsInWith) {
  std::set<std::string_view> secrets;
  for (const ConfigKey& key : bus_config_keys()) {
    if (key.secrecy == Secrecy::kSecret) {
      secrets.insert(key.name);
    }
  }
  EXPECT_EQ(secrets, (std::set<std::string_view>{"bus.rocketmq.secret_key", "bus.redis.password", "bus.nats.password",
                                                 "bus.nats.token", "bus.kafka.password"}));
}

TEST(ConfigKeysBus, ChoicesAreTheValuesInTheirOrder) {
  const auto chosen = [](std::string_view key, std::string_view value) {
    Config config;
    EXPECT_TRUE(set_value(config, *find_key(key), BareText{std::string(value)})) << value;
    return config.bus;
  };
  EXPECT_EQ(chosen("bus.kind", "embedded").kind, bus::BusKind::kEmbedded);
  EXPECT_EQ(chosen("bus.kind", "rocketmq").kind, bus::BusKind::kRocketMq);
  EXPECT_EQ(chosen("bus.kind", "redis").kind, bus::BusKind::kRedis);
  EXPECT_EQ(chosen("bus.kind", "nats").kind, bus::BusKind::kNats);
  EXPECT_EQ(chosen("bus.kind", "kafka").kind, bus::BusKind::kKafka);
  EXPECT_EQ(chosen("bus.kind", "zookeeper").kind, bus::BusKind::kZooKeeper);
  EXPECT_EQ(chosen("bus.redis.mode", "pubsub").redis.mode, bus::RedisMode::kPubSub);
  EXPECT_EQ(chosen("bus.redis.mode", "streams").redis.mode, bus::RedisMode::kStreams);
  EXPECT_EQ(chosen("bus.nats.mode", "core").nats.mode, bus::NatsMode::kCore);
  EXPECT_EQ(chosen("bus.nats.mode", "jetstream").nats.mode, bus::NatsMode::kJetStream);
}

TEST(ConfigKeysBus, AnUnknownKindIsToldWithTheList) {
  Config config;
  const auto set = set_value(config, *find_key("bus.kind"), BareText{"rabbitmq"});
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().message,
            "\"rabbitmq\" is unknown, expected \"embedded\", \"rocketmq\", \"redis\", \"nats\", \"kafka\" or "
            "\"zookeeper\"");
}

TEST(ConfigKeysBus, TimesHaveTheirRange) {
  Config config;
  for (const char* bad : {"0ms", "9ms", "61s"}) {
    EXPECT_FALSE(set_value(config, *find_key("bus.publish_timeout"), BareText{bad})) << bad;
  }
  EXPECT_TRUE(set_value(config, *find_key("bus.publish_timeout"), BareText{"500ms"}));
  EXPECT_FALSE(set_value(config, *find_key("bus.max_replay_age"), BareText{"99ms"}));
  EXPECT_TRUE(set_value(config, *find_key("bus.max_replay_age"), BareText{"24h"}));
}

}  // namespace
}  // namespace pushwire::server
