#include "server/config_check.h"

#include <gtest/gtest.h>

#include "server/config_load.h"

namespace pushwire::server {
namespace {

using Messages = std::vector<std::string>;

// The mistakes of a configuration that begins with dev auth in line 1.
Messages mistakes(std::string_view text, std::string_view first_line = "auth.mode = \"dev\"") {
  Messages messages;
  const std::string whole = std::string(first_line) + "\n" + std::string(text);
  for (const ConfigMistake& mistake : load_config_text(whole, "f").mistakes) {
    messages.push_back(mistake.message());
  }
  return messages;
}

TEST(ConfigCheck, TheDefaultsWithDevAuthAreGood) {
  EXPECT_EQ(mistakes(""), Messages{});
}

TEST(ConfigCheck, HeartbeatTimeoutExceedsTheInterval) {
  EXPECT_EQ(mistakes("[heartbeat]\ninterval = \"25s\"\ntimeout = \"25s\""),
            Messages{"f:4: heartbeat.timeout: the timeout (25s) is not longer than the interval (25s), expected more "
                     "than 25s"});
  EXPECT_EQ(mistakes("heartbeat.interval = \"2m\""),
            Messages{"f:2: heartbeat.interval: the timeout (1m) is not longer than the interval (2m), expected more "
                     "than 2m"});
}

TEST(ConfigCheck, HardLimitHoldsTwoOfTheLargestMessage) {
  EXPECT_EQ(mistakes("outbox.hard_bytes = \"2MiB\""),
            Messages{"f:2: outbox.hard_bytes: outbox.hard_bytes (2MiB) is less than twice the largest message, "
                     "expected at least 2099200 (2 x (api.max_body_bytes 1MiB + 1KiB))"});
  EXPECT_EQ(mistakes("api.max_body_bytes = \"2MiB\""),
            Messages{"f:2: api.max_body_bytes: outbox.hard_bytes (4MiB) is less than twice the largest message, "
                     "expected at least 4196352 (2 x (api.max_body_bytes 2MiB + 1KiB))"});
  EXPECT_EQ(mistakes("outbox.hard_bytes = 2099200"), Messages{});
  EXPECT_EQ(mistakes("outbox.hard_bytes = 2099199").size(), 1U);
}

TEST(ConfigCheck, SoftLimitIsNotOverTheHardOne) {
  EXPECT_EQ(mistakes("outbox.soft_bytes = \"5MiB\""),
            Messages{"f:2: outbox.soft_bytes: outbox.soft_bytes (5MiB) is more than outbox.hard_bytes, expected at "
                     "most 4MiB"});
}

TEST(ConfigCheck, MailboxHoldsTheLargestMessage) {
  EXPECT_EQ(mistakes("node.mailbox_bytes = \"1MiB\""),
            Messages{"f:2: node.mailbox_bytes: node.mailbox_bytes (1MiB) is less than the largest message, expected at "
                     "least 1049600 (api.max_body_bytes 1MiB + 1KiB)"});
}

TEST(ConfigCheck, DevAuthOnlyOnLoopback) {
  EXPECT_EQ(mistakes("client.listen = [\"127.0.0.1:1\", \"0.0.0.0:2\"]"),
            Messages{"f:2: client.listen: dev auth believes every ?user= and a client listener is not on loopback, "
                     "expected only addresses like 127.0.0.1 or [::1], or auth.mode = \"jwt\""});
  EXPECT_EQ(mistakes("client.listen = [\"127.0.0.1:1\", \"[::1]:2\"]"), Messages{});
}

TEST(ConfigCheck, DevAuthNeedsItsPages) {
  for (const char* path : {"/", "/dev", "/dev/x"}) {
    EXPECT_EQ(mistakes("client.path = \"" + std::string(path) + "\""),
              Messages{"f:2: client.path: \"" + std::string(path) +
                       "\" belongs to the page that dev auth shows, expected a path like \"/ws\""});
  }
}

TEST(ConfigCheck, ApiWithoutKeysOnlyOnLoopback) {
  EXPECT_EQ(mistakes("api.listen = \"0.0.0.0:8001\""),
            Messages{"f:2: api.listen: anybody could push, as there is no API key and a listener is not on loopback, "
                     "expected api.keys_file, api.keys or only loopback addresses"});
  EXPECT_EQ(mistakes("api.listen = \"0.0.0.0:8001\"\napi.keys = [\"k\"]"), Messages{});
}

TEST(ConfigCheck, JwtNeedsAKeySource) {
  EXPECT_EQ(mistakes("auth.mode = \"jwt\"", "# nothing"),
            Messages{"f:2: auth.mode: no key to verify tokens with, expected auth.hmac_secret_file, auth.hmac_secret, "
                     "auth.public_key_file or auth.jwks_file (or auth.mode = \"dev\" on loopback)"});
  EXPECT_EQ(mistakes("", "").size(), 1U);
  EXPECT_EQ(mistakes("", "auth.public_key_file = \"x\""), Messages{});
  EXPECT_EQ(mistakes("", "auth.jwks_file = \"x\""), Messages{});
}

TEST(ConfigCheck, HmacSecretHasThirtyTwoBytes) {
  EXPECT_EQ(mistakes("", "auth.hmac_secret = \"" + std::string(31, 's') + "\""),
            Messages{"f:1: auth.hmac_secret: the secret has 31 bytes, expected at least 32"});
  EXPECT_EQ(mistakes("", "auth.hmac_secret = \"" + std::string(32, 's') + "\""), Messages{});
}

TEST(ConfigCheck, ListenersDoNotCollide) {
  EXPECT_EQ(mistakes("api.listen = \"127.0.0.1:8000\""),
            Messages{"f:2: api.listen: 127.0.0.1:8000 is taken already by 127.0.0.1:8000 of client.listen, expected "
                     "another address or port"});
  EXPECT_EQ(mistakes("client.listen = [\"[::1]:1\", \"[0::1]:1\"]"),
            Messages{"f:2: client.listen: [::1]:1 is taken already by [::1]:1 of client.listen, expected another "
                     "address or port"});
  EXPECT_EQ(mistakes("client.listen = \"127.0.0.1:1\"\napi.listen = \"0.0.0.0:1\"\napi.keys = [\"k\"]").size(), 1U);
  EXPECT_EQ(mistakes("client.listen = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\napi.listen = \"127.0.0.1:0\""), Messages{});
  EXPECT_EQ(mistakes("client.listen = [\"127.0.0.1:1\", \"[::1]:1\"]"), Messages{});
}

TEST(ConfigCheck, EveryOriginMeansOnlyThat) {
  EXPECT_EQ(mistakes("client.allowed_origins = [\"https://a\", \"*\"]"),
            Messages{"f:2: client.allowed_origins: \"*\" stands beside other origins, expected \"*\" alone or only "
                     "origins"});
  EXPECT_EQ(mistakes("client.allowed_origins = [\"*\"]"), Messages{});
}

TEST(ConfigCheck, ARefusedValueIsNotJudgedAgain) {
  EXPECT_EQ(mistakes("api.max_body_bytes = \"3MiB\"\noutbox.hard_bytes = \"lots\"").size(), 1U);
  EXPECT_EQ(mistakes("api.listen = \"nowhere\"").size(), 1U);
}

}  // namespace
}  // namespace pushwire::server
