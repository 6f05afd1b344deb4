#include "server/settings.h"

#include <gtest/gtest.h>

namespace pushwire::server {
namespace {

const std::string kSecret = "auth.hmac_secret=" + std::string(32, 's');

Result<> fault(const Config& config) {
  return fail("\"" + config.auth.jwks_file + "\" holds nonsense");
}

TEST(Settings, PolicyIsTheConfigurationRoundedUpToSeconds) {
  Config config;
  config.auth.leeway = std::chrono::milliseconds(1'001);
  config.auth.issuer = "me";
  config.auth.require_exp = false;
  const auto policy = token_policy(config.auth);
  EXPECT_EQ(policy.leeway_s, 2);
  EXPECT_EQ(policy.issuer, "me");
  EXPECT_EQ(policy.user_claim, "sub");
  EXPECT_FALSE(policy.require_exp);
}

TEST(Settings, SecretIsHandedOverAsBytes) {
  Config config;
  config.auth.hmac_secret = "bytes";
  config.auth.hmac_secret_file = "/already/read";
  const auto sources = key_sources(config.auth);
  EXPECT_EQ(sources.hmac_secret, "bytes");
  EXPECT_EQ(sources.hmac_secret_file, "");
}

TEST(Settings, KeysOfDevAuthAreNotLookedAt) {
  Config config;
  EXPECT_FALSE(check_keys(config));
  config.auth.mode = AuthMode::kDev;
  EXPECT_TRUE(check_keys(config));
}

TEST(Settings, ClaimWithAnotherMeaningIsNoUserClaim) {
  Config config;
  config.auth.hmac_secret = std::string(32, 's');
  EXPECT_TRUE(check_keys(config));
  config.auth.user_claim = "exp";
  EXPECT_FALSE(check_keys(config));
}

TEST(Settings, FaultOfAKeyFileStandsAtItsKey) {
  const auto result = load_checked({{}, {"auth.jwks_file=/proc/self/status"}}, {}, fault);
  ASSERT_EQ(result.mistakes.size(), 1U);
  EXPECT_EQ(result.mistakes[0].message(), "--set auth.jwks_file: \"/proc/self/status\" holds nonsense");
}

TEST(Settings, KeysAreNotCheckedWhenTheirSourceIsAlreadyRefused) {
  const auto unreadable = load_checked({{}, {"auth.jwks_file=/nonexistent"}}, {}, fault);
  EXPECT_EQ(unreadable.mistakes.size(), 1U);
  EXPECT_TRUE(load_checked({{}, {kSecret}}, {}, check_keys).good());
  EXPECT_EQ(load_checked({{}, {"auth.hmac_secret=short"}}, {}, check_keys).mistakes.size(), 1U);
}

}  // namespace
}  // namespace pushwire::server
