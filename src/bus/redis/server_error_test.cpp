#include "bus/redis/server_error.h"

#include <gtest/gtest.h>

namespace pushwire::bus::redis {
namespace {

TEST(RedisServerError, RefusalNamesTheSettingAndQuotesTheServer) {
  const struct {
    const char* error;
    const char* setting;
  } cases[] = {
      {"WRONGPASS invalid username-password pair or user is disabled.", "bus.redis.password: "},
      {"NOAUTH Authentication required.", "bus.redis.password: "},
      {"ERR AUTH <password> called without any password configured for the default user.", "bus.redis.password: "},
      {"NOPERM this user has no permissions to run the 'xadd' command", "bus.redis.username: "},
      {"READONLY You can't write against a read only replica.", "bus.redis.address: "},
      {"OOM command not allowed when used memory > 'maxmemory'.", "bus.redis.address: "},
      {"LOADING Redis is loading the dataset in memory", "bus.redis.address: "},
      {"MOVED 3999 127.0.0.1:6381", "bus.redis.address: "},
      {"WRONGTYPE Operation against a key holding the wrong kind of value", "bus.namespace: "},
      {"ERR unknown command 'XADD'", "bus.redis.mode: "},
      {"SOMETHING new", "bus.redis.address: "},
  };
  for (const auto& each : cases) {
    const std::string text = explain_refusal(each.error, "redis:6379");
    EXPECT_TRUE(text.starts_with(std::string(each.setting) + "redis:6379 ")) << text;
    EXPECT_TRUE(text.ends_with("(" + std::string(each.error) + ")")) << text;
  }
}

TEST(RedisServerError, QuotesNothingThatThisNodeHasSaid) {
  for (const char* error : {"ERR unknown command 'AUTH', with args beginning with: 'push' 's3cret' ",
                            "ERR unknown command `AUTH`, with args beginning with: `push`, `s3cret`, "}) {
    const std::string text = explain_refusal(error, "redis:6379");
    EXPECT_TRUE(text.starts_with("bus.redis.password: redis:6379 ")) << text;
    EXPECT_EQ(text.find("s3cret"), text.npos) << text;
    EXPECT_EQ(text.find("push"), text.npos) << text;
  }
  EXPECT_EQ(explain_refusal("ERR odd with args beginning with: 's3cret'", "r:1").find("s3cret"), std::string::npos);
}

TEST(RedisServerError, LongOrBrokenWordsOfAServerBecomeOneShortLine) {
  const std::string text = explain_refusal("ERR a\r\nb\x7f" + std::string(1'000, 'x'), "s");
  EXPECT_LT(text.size(), 300U);
  EXPECT_EQ(text.find('\n'), text.npos);
  EXPECT_EQ(text.find('\x7f'), text.npos);
}

TEST(RedisServerError, LossNamesTheSettingThatMayMendIt) {
  EXPECT_EQ(explain_loss("the certificate of r:1 has expired", "r:1", false, true),
            "bus.redis.tls_ca: the certificate of r:1 has expired");
  EXPECT_EQ(explain_loss("r:1 does not speak TLS on this port", "r:1", false, true),
            "bus.redis.tls: r:1 does not speak TLS on this port");
  EXPECT_EQ(explain_loss("cannot connect to r:1: Connection refused", "r:1", false, false),
            "bus.redis.address: cannot connect to r:1: Connection refused");
  EXPECT_NE(explain_loss("r:1 closed the connection", "r:1", false, false).find("set bus.redis.tls"),
            std::string::npos);
  EXPECT_NE(explain_loss("the connection to r:1 was lost: x", "r:1", false, true).find("tls-auth-clients"),
            std::string::npos);
  EXPECT_EQ(explain_loss("r:1 closed the connection", "r:1", true, false),
            "bus.redis.address: r:1 closed the connection");
}

}  // namespace
}  // namespace pushwire::bus::redis
