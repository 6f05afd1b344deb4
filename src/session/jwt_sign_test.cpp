#include "session/jwt_sign.h"

#include <gtest/gtest.h>

#include <string>

#include "session/jwt_test_support.h"

namespace pushwire::session {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;

KeySet keys() {
  std::vector<JwtKey> list;
  list.push_back(JwtKey::from_secret(test::kSecret).value());
  return {std::move(list), {}};
}

TEST(JwtSign, MakesTokensThatTheSamePolicyAccepts) {
  TokenPolicy policy;
  policy.issuer = "me";
  policy.audience = "push";
  policy.user_claim = "uid";
  const Result<std::string> token = sign_token(test::kSecret, {"Zoë \"x\"", 60, {"news", "room:*"}}, policy, kNow);
  ASSERT_TRUE(token) << token.error().message;
  const auto identity = verify_token(*token, keys(), policy, kNow);
  ASSERT_TRUE(identity) << identity.error().text;
  EXPECT_EQ(identity->user, "Zoë \"x\"");
  EXPECT_EQ(identity->expires_at, kNow + 60 + policy.leeway_s);
  EXPECT_EQ(identity->topics, (std::vector<std::string>{"news", "room:*"}));
  EXPECT_FALSE(verify_token(*token, keys(), policy, kNow + 90));
}

TEST(JwtSign, WritesThePlainFormOfHs256) {
  const Result<std::string> token = sign_token(test::kSecret, {"alice", 1, {}}, {}, kNow);
  ASSERT_TRUE(token);
  const std::string input =
      test::signing_input(R"({"alg":"HS256","typ":"JWT"})", R"({"sub":"alice","iat":1700000000,"exp":1700000001})");
  EXPECT_EQ(*token, test::join(input, test::sign_as("HS256", input)));
}

TEST(JwtSign, RefusesWhatNoGatewayWouldAccept) {
  EXPECT_FALSE(sign_token("short", {"alice", 60, {}}, {}, kNow));
  EXPECT_FALSE(sign_token(test::kSecret, {"", 60, {}}, {}, kNow));
  EXPECT_FALSE(sign_token(test::kSecret, {"alice", 0, {}}, {}, kNow));
  EXPECT_FALSE(sign_token(test::kSecret, {"alice", std::int64_t{1} << 62, {}}, {}, kNow));
  EXPECT_FALSE(sign_token(test::kSecret, {"alice", 60, {"a b"}}, {}, kNow));
  EXPECT_FALSE(sign_token(test::kSecret, {"alice", 60, std::vector<std::string>(257, "a")}, {}, kNow));
  EXPECT_FALSE(
      sign_token(test::kSecret, {"alice", 60, std::vector<std::string>(100, std::string(128, 'a'))}, {}, kNow));
}

}  // namespace
}  // namespace pushwire::session
