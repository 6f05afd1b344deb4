#include "server/config_check_bus.h"

#include <gtest/gtest.h>

#include "server/config_load.h"

namespace pushwire::server {
namespace {

using Messages = std::vector<std::string>;

// The mistakes of a configuration whose first line is dev auth and whose second is the table.
Messages mistakes(const std::string& table, const std::string& text) {
  Messages messages;
  for (const ConfigMistake& mistake : load_config_text("auth.mode = \"dev\"\n[" + table + "]\n" + text, "f").mistakes) {
    messages.push_back(mistake.message());
  }
  return messages;
}

TEST(ConfigCheckBus, TablesOfKindsThatAreNotChosenMayStay) {
  EXPECT_EQ(mistakes("bus", "kind = \"redis\"\n[bus.nats]\nmode = \"jetstream\"\n[bus.redis]\nmode = \"streams\""),
            Messages{});
}

TEST(ConfigCheckBus, AUserNameNeedsItsPassword) {
  EXPECT_EQ(mistakes("bus.redis", "username = \"pushwire\""),
            Messages{"f:3: bus.redis.username: needs bus.redis.password_file or bus.redis.password, expected both or "
                     "none"});
  EXPECT_EQ(mistakes("bus.nats", "username = \"u\"").size(), 1U);
  EXPECT_EQ(mistakes("bus.kafka", "username = \"u\"").size(), 1U);
  EXPECT_EQ(mistakes("bus.rocketmq", "access_key = \"a\""),
            Messages{"f:3: bus.rocketmq.access_key: needs bus.rocketmq.secret_key_file or bus.rocketmq.secret_key, "
                     "expected both or none"});
  for (const char* table : {"bus.redis", "bus.nats", "bus.kafka"}) {
    EXPECT_EQ(mistakes(table, "username = \"u\"\npassword = \"p\""), Messages{}) << table;
    EXPECT_EQ(mistakes(table, "username = \"u\"\npassword_file = \"p\""), Messages{}) << table;
  }
  EXPECT_EQ(mistakes("bus.rocketmq", "access_key = \"a\"\nsecret_key_file = \"p\""), Messages{});
}

TEST(ConfigCheckBus, APasswordNeedsAUserNameExceptForRedis) {
  EXPECT_EQ(mistakes("bus.kafka", "password = \"p\""),
            Messages{"f:3: bus.kafka.password: needs bus.kafka.username, expected both or none"});
  EXPECT_EQ(mistakes("bus.nats", "password_file = \"p\""),
            Messages{"f:3: bus.nats.password_file: needs bus.nats.username, expected both or none"});
  EXPECT_EQ(mistakes("bus.rocketmq", "secret_key = \"s\""),
            Messages{"f:3: bus.rocketmq.secret_key: needs bus.rocketmq.access_key, expected both or none"});
  EXPECT_EQ(mistakes("bus.redis", "password = \"p\""), Messages{});
}

TEST(ConfigCheckBus, NatsTakesOneWayToLogIn) {
  EXPECT_EQ(mistakes("bus.nats", "token = \"t\"\nusername = \"u\"\npassword = \"p\""),
            Messages{"f:3: bus.nats.token: stands beside bus.nats.username, expected only one way to log in"});
  EXPECT_EQ(mistakes("bus.nats", "token = \"t\"\ncredentials_file = \"c\""),
            Messages{"f:3: bus.nats.token: stands beside bus.nats.credentials_file, expected only one way to log in"});
  EXPECT_EQ(mistakes("bus.nats", "username = \"u\"\npassword = \"p\"\ncredentials_file = \"c\""),
            Messages{"f:5: bus.nats.credentials_file: stands beside bus.nats.username, expected only one way to log "
                     "in"});
  EXPECT_EQ(mistakes("bus.nats", "token = \"t\""), Messages{});
  EXPECT_EQ(mistakes("bus.nats", "credentials_file = \"c\""), Messages{});
}

TEST(ConfigCheckBus, AnAuthorityWithoutTlsIsAMistake) {
  for (const std::string table : {"bus.rocketmq", "bus.redis", "bus.nats", "bus.kafka"}) {
    EXPECT_EQ(mistakes(table, "tls_ca = \"ca.pem\""),
              Messages{"f:3: " + table + ".tls_ca: has no effect without TLS, expected " + table + ".tls = true too"});
    EXPECT_EQ(mistakes(table, "tls_ca = \"ca.pem\"\ntls = true"), Messages{});
  }
}

TEST(ConfigCheckBus, AListOfServersIsNotEmpty) {
  EXPECT_EQ(mistakes("bus.nats", "servers = []"),
            Messages{"f:3: bus.nats.servers: no server, expected one or more like \"10.0.0.5:1234\""});
  EXPECT_EQ(mistakes("bus.rocketmq", "name_servers = []").size(), 1U);
  EXPECT_EQ(mistakes("bus.kafka", "brokers = []").size(), 1U);
  EXPECT_EQ(mistakes("bus.zookeeper", "servers = []").size(), 1U);
}

TEST(ConfigCheckBus, ARefusedServerIsToldOnce) {
  EXPECT_EQ(mistakes("bus.kafka", "brokers = [\"a:1\", \"kafka://b:9092\"]"),
            Messages{"f:3: bus.kafka.brokers: \"kafka://b:9092\" is not a server's address, expected HOST:PORT like "
                     "\"10.0.0.5:6379\", \"bus.internal:6379\" or \"[::1]:6379\""});
}

}  // namespace
}  // namespace pushwire::server
