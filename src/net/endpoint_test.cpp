#include "net/endpoint.h"

#include <gtest/gtest.h>

namespace pushwire::net {
namespace {

TEST(Endpoint, IsReadAndWrittenTheSameWay) {
  for (const char* text : {"redis.internal:6379", "127.0.0.1:1", "[::1]:65535", "[fe80::1%eth0]:80", "a_b-c:9"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_string(), text);
  }
}

TEST(Endpoint, DefaultPortIsUsedOnlyWhenNoneIsGiven) {
  EXPECT_EQ(parse_endpoint("host", 7), (Endpoint{"host", 7}));
  EXPECT_EQ(parse_endpoint("[::1]", 7), (Endpoint{"::1", 7}));
  EXPECT_EQ(parse_endpoint("host:8", 7), (Endpoint{"host", 8}));
  EXPECT_FALSE(parse_endpoint("host:", 7));
}

TEST(Endpoint, MistakeIsQuotedAndExplained) {
  const struct {
    const char* text;
    const char* says;
  } cases[] = {
      {"host", "port is missing"},  {"host:0", "1 to 65535"},      {"host:65536", "1 to 65535"},
      {"host:6379x", "1 to 65535"}, {"host: 1", "1 to 65535"},     {"host:-1", "1 to 65535"},
      {"::1:80", "brackets"},       {"[::1:80", "not closed"},     {"[::1]80", "expected [IPV6]:PORT"},
      {"", "expected HOST:PORT"},   {":80", "expected HOST:PORT"}, {"redis://host", "1 to 65535"},
      {"user@host:1", "HOST:PORT"}, {"a b:1", "HOST:PORT"},        {"a/b:1", "HOST:PORT"},
  };
  for (const auto& each : cases) {
    const auto endpoint = parse_endpoint(each.text);
    ASSERT_FALSE(endpoint) << each.text;
    EXPECT_NE(endpoint.error().message.find(each.says), std::string::npos) << endpoint.error().message;
    EXPECT_TRUE(endpoint.error().message.starts_with("\"" + std::string(each.text) + "\"")) << endpoint.error().message;
  }
  EXPECT_FALSE(parse_endpoint(std::string(254, 'a') + ":1"));
}

}  // namespace
}  // namespace pushwire::net
