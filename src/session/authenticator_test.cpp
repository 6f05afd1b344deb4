#include "session/authenticator.h"

#include <gtest/gtest.h>

#include <string>

#include "session/jwt_test_support.h"

namespace pushwire::session {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;

Authenticator with_secret() {
  std::vector<JwtKey> list;
  list.push_back(JwtKey::from_secret(test::kSecret).value());
  return Authenticator::with_tokens(std::make_shared<const KeySet>(std::move(list), std::vector<std::string>{}), {});
}

std::string token_for_user(const std::string& user) {
  return test::token_for("HS256", R"({"exp":1700000100,"sub":")" + user + "\"}");
}

// The user, or the code of the refusal.
std::string outcome(const Authenticator& authenticator, const Credentials& credentials) {
  const auto identity = authenticator.authenticate(credentials, kNow);
  return identity ? identity->user : std::string(code_of(identity.error().fault));
}

TEST(Authenticator, TakesATokenFromEachPlace) {
  const Authenticator authenticator = with_secret();
  const std::string token = token_for_user("alice");
  const std::string header = "Bearer " + token;
  EXPECT_EQ(outcome(authenticator, {.authorization = header}), "alice");
  EXPECT_EQ(outcome(authenticator, {.subprotocol_token = token}), "alice");
  EXPECT_EQ(outcome(authenticator, {.query_token = token}), "alice");
  EXPECT_EQ(outcome(authenticator, {.authorization = "bEARER  " + token}), "alice") << "RFC 7235 2.1";
}

TEST(Authenticator, FirstTokenPresentCountsAlsoWhenBad) {
  const Authenticator authenticator = with_secret();
  const std::string alice = token_for_user("alice");
  const std::string bob = token_for_user("bob");
  const std::string carol = "Bearer " + token_for_user("carol");
  EXPECT_EQ(outcome(authenticator, {.authorization = carol, .subprotocol_token = bob, .query_token = alice}), "carol");
  EXPECT_EQ(outcome(authenticator, {.subprotocol_token = bob, .query_token = alice}), "bob");
  EXPECT_EQ(outcome(authenticator, {.authorization = "Bearer x", .query_token = alice}), "token_invalid");
  EXPECT_EQ(outcome(authenticator, {.authorization = "Bearer", .query_token = alice}), "token_missing");
  EXPECT_EQ(outcome(authenticator, {.subprotocol_token = "", .query_token = alice}), "token_missing");
}

TEST(Authenticator, OtherAuthorizationSchemesAreNoToken) {
  const Authenticator authenticator = with_secret();
  const std::string alice = token_for_user("alice");
  EXPECT_EQ(outcome(authenticator, {.authorization = "Basic YTpi", .query_token = alice}), "alice");
  EXPECT_EQ(outcome(authenticator, {.authorization = "Bearerx " + alice}), "token_missing");
  EXPECT_EQ(outcome(authenticator, {.authorization = ""}), "token_missing");
}

TEST(Authenticator, NeverBelievesAUserNameInJwtMode) {
  const Authenticator authenticator = with_secret();
  EXPECT_FALSE(authenticator.is_development());
  EXPECT_EQ(outcome(authenticator, {.query_user = "admin"}), "token_missing");
  EXPECT_EQ(outcome(authenticator, {.query_token = token_for_user("alice"), .query_user = "admin"}), "alice");
}

TEST(Authenticator, DevelopmentBelievesTheUserAndLooksAtNoToken) {
  const Authenticator authenticator = Authenticator::for_development();
  EXPECT_TRUE(authenticator.is_development());
  const auto identity = authenticator.authenticate({.query_token = "rubbish", .query_user = "alice"}, kNow);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->user, "alice");
  EXPECT_EQ(identity->expires_at, 0);
  EXPECT_EQ(identity->topics, std::vector<std::string>{"*"});
  EXPECT_EQ(outcome(authenticator, {}), "user_missing");
  EXPECT_EQ(outcome(authenticator, {.query_user = ""}), "user_missing");
  EXPECT_EQ(outcome(authenticator, {.query_user = "a\nb"}), "user_invalid");
}

}  // namespace
}  // namespace pushwire::session
