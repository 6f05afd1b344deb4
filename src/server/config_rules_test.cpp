#include "server/config_rules.h"

#include <gtest/gtest.h>

#include <string>

namespace pushwire::server {
namespace {

TEST(ConfigRules, NodeNamesArePlainWords) {
  for (const char* good : {"n1", "gate.eu-west_2", "A"}) {
    EXPECT_TRUE(check_node_name(good)) << good;
  }
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("ü"), std::string(65, 'a')}) {
    EXPECT_EQ(check_node_name(bad).error().message, "not a node name, expected 1 to 64 of A-Z a-z 0-9 . _ -") << bad;
  }
}

TEST(ConfigRules, PathsAreAbsoluteAndPlain) {
  for (const char* good : {"/ws", "/", "/a/b-c"}) {
    EXPECT_TRUE(check_client_path(good)) << good;
  }
  for (const char* bad : {"", "ws", "/w s", "/ws?x", "/ws#x", "/%77s", "/ws\n"}) {
    EXPECT_EQ(check_client_path(bad).error().message, "not a path, expected one like \"/ws\" without ? # % or blanks")
        << bad;
  }
}

TEST(ConfigRules, OriginsHaveSchemeAndHostAndNothingMore) {
  for (const char* good : {"*", "https://app.example.com", "http://localhost:3000", "https://[::1]:8443",
                           "chrome-extension://abcdef", "HTTPS://App.Example.Com"}) {
    EXPECT_TRUE(check_origin(good)) << good;
  }
  for (const char* bad : {"", "null", "app.example.com", "https://", "https://a/", "https://a/b", "https://u@a",
                          "https://*.example.com", "https://a:0", "https://a:70000", "://a"}) {
    ASSERT_FALSE(check_origin(bad)) << bad;
    EXPECT_EQ(check_origin(bad).error().message,
              "not an origin, expected scheme://host[:port] like \"https://app.example.com\", or \"*\" alone");
  }
}

TEST(ConfigRules, TopicPatternsEndAtTheStar) {
  for (const char* good : {"*", "news", "news.*", "a/b:c_d-e"}) {
    EXPECT_TRUE(check_topic_pattern(good)) << good;
  }
  for (const char* bad : {"", "a b", "*a", "a*b", "a**", "ü"}) {
    EXPECT_FALSE(check_topic_pattern(bad)) << bad;
  }
}

TEST(ConfigRules, ApiKeysFitIntoAHeader) {
  EXPECT_TRUE(check_api_key("s3cret+/="));
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("a\r\nX: y"), std::string("ü"), std::string(513, 'a')}) {
    EXPECT_EQ(check_api_key(bad).error().message,
              "not an API key, expected 1 to 512 visible ASCII characters without blanks");
  }
}

TEST(ConfigRules, TheClaimHasAName) {
  EXPECT_TRUE(check_claim_name("sub"));
  EXPECT_EQ(check_claim_name("").error().message, "not the name of a claim, expected one like \"sub\"");
}

TEST(ConfigRules, ServersAreHostAndPort) {
  for (const char* good : {"127.0.0.1:6379", "bus.internal:1", "my_host-1:65535", "[::1]:6379", "[2001:db8::1]:4222"}) {
    EXPECT_TRUE(check_endpoint(good)) << good;
  }
  for (const std::string bad :
       {"", "redis", "redis:", ":6379", "redis:0", "redis:65536", "redis:6379x", "::1:6379", "[::1]", "[redis]:1",
        "[127.0.0.1]:1", "redis://h:1", "u@h:1", "h:1/0", "h :1", "a:1,b:2"}) {
    EXPECT_EQ(check_endpoint(bad).error().message,
              "not a server's address, expected HOST:PORT like \"10.0.0.5:6379\", \"bus.internal:6379\" or "
              "\"[::1]:6379\"")
        << bad;
  }
  EXPECT_FALSE(check_endpoint(std::string(254, 'h') + ":1"));
}

TEST(ConfigRules, NamesOnTheBusAreWhatTheServersTake) {
  EXPECT_TRUE(check_bus_namespace(std::string(64, 'n')));
  for (const std::string& bad : {std::string(), std::string("a.b"), std::string("a b"), std::string(65, 'n')}) {
    EXPECT_EQ(check_bus_namespace(bad).error().message, "not a namespace, expected 1 to 64 of A-Z a-z 0-9 _ -") << bad;
  }
  EXPECT_TRUE(check_rocketmq_topic("tenant%push|wire_1-2"));
  EXPECT_FALSE(check_rocketmq_topic("push.wire"));
  EXPECT_FALSE(check_rocketmq_topic(std::string(128, 't')));
  EXPECT_TRUE(check_kafka_topic("push.wire_1-2"));
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string(250, 't')}) {
    EXPECT_FALSE(check_kafka_topic(bad)) << bad;
  }
}

TEST(ConfigRules, ZooKeeperRootsArePathsWithoutAnEmptyPart) {
  for (const char* good : {"/pushwire", "/apps/pushwire.1"}) {
    EXPECT_TRUE(check_zookeeper_root(good)) << good;
  }
  for (const char* bad : {"", "/", "pushwire", "/a/", "//a", "/a//b", "/.", "/a/../b", "/a b"}) {
    EXPECT_EQ(check_zookeeper_root(bad).error().message,
              "not a path, expected one like \"/pushwire\" without a / at its end")
        << bad;
  }
}

}  // namespace
}  // namespace pushwire::server
