#include "session/jwks.h"

#include <gtest/gtest.h>

#include <string>

#include "session/jwt_test_support.h"

namespace pushwire::session {
namespace {

std::string set_of(const std::string& keys) {
  return R"({"keys":[)" + keys + "]}";
}

std::string message_of(const std::string& keys) {
  const Result<Jwks> jwks = parse_jwks(set_of(keys));
  return jwks ? "no error" : jwks.error().message;
}

TEST(Jwks, ReadsEveryKindOfKeyAndVerifiesWithIt) {
  const std::string text = set_of(test::jwk(test::rsa_key(), "RSA", R"(,"kid":"r","use":"sig")") + "," +
                                  test::jwk(test::p256_key(), "EC", R"(,"kid":"e","alg":"ES256")") + "," +
                                  test::jwk(test::p384_key(), "EC", R"(,"key_ops":["verify"])") + "," +
                                  test::jwk(test::ed25519_key(), "OKP", R"(,"kid":"o")") + R"(,{"kty":"oct","k":")" +
                                  base64url_encode(test::kSecret) + R"(","alg":"HS512"})");
  const Result<Jwks> jwks = parse_jwks(text);
  ASSERT_TRUE(jwks) << jwks.error().message;
  ASSERT_EQ(jwks->keys.size(), 5U);
  constexpr std::array<std::string_view, 5> kAlgorithms{"RS384", "ES256", "ES384", "EdDSA", "HS512"};
  constexpr std::array<std::string_view, 5> kIds{"r", "e", "", "o", ""};
  for (std::size_t i = 0; i < kAlgorithms.size(); ++i) {
    EXPECT_TRUE(jwks->keys[i].verify(*find_jwt_algorithm(kAlgorithms[i]), "x", test::sign_as(kAlgorithms[i], "x")))
        << i;
    EXPECT_EQ(jwks->keys[i].id(), kIds[i]);
  }
  EXPECT_TRUE(jwks->notes.empty());
  EXPECT_TRUE(jwks->has_secrets);
  EXPECT_FALSE(jwks->keys[4].permits(JwtAlgorithm::kHs256)) << "alg restricts the key";
}

TEST(Jwks, PublicKeysAreNoSecrets) {
  EXPECT_FALSE(parse_jwks(set_of(test::jwk(test::p256_key(), "EC", "")))->has_secrets);
  EXPECT_TRUE(parse_jwks(set_of(test::jwk(test::p256_key(), "EC", R"(,"d":"AAAA")")))->has_secrets);
}

TEST(Jwks, SkipsKeysThatAreNotForVerifyingWithANote) {
  for (const std::string& key :
       {test::jwk(test::rsa_key(), "RSA", R"(,"use":"enc","kid":"a")"),
        test::jwk(test::rsa_key(), "RSA", R"(,"key_ops":["sign"],"kid":"a")"),
        test::jwk(test::rsa_key(), "RSA", R"(,"alg":"PS256","kid":"a")"),
        std::string(R"({"kty":"EC","crv":"secp256k1","kid":"a"})"),
        std::string(R"({"kty":"OKP","crv":"X25519","kid":"a"})"), std::string(R"({"kty":"AKP","kid":"a"})")}) {
    const Result<Jwks> jwks = parse_jwks(set_of(key));
    ASSERT_TRUE(jwks) << jwks.error().message;
    EXPECT_TRUE(jwks->keys.empty());
    ASSERT_EQ(jwks->notes.size(), 1U);
    EXPECT_EQ(jwks->notes[0].rfind("keys[0] (kid \"a\"): skipped: ", 0), 0U) << jwks->notes[0];
  }
}

TEST(Jwks, NamesIndexAndKidOfABrokenKey) {
  const std::string good = test::jwk(test::p256_key(), "EC", "");
  EXPECT_EQ(message_of(good + R"(,{"kty":"RSA","kid":"b","e":"AQAB"})"), "keys[1] (kid \"b\"): \"n\" is missing");
  EXPECT_EQ(message_of(good + ",7"), "keys[1]: not an object");
  EXPECT_EQ(message_of(R"({"kid":"b"})"), "keys[0] (kid \"b\"): \"kty\" is missing");
  EXPECT_EQ(message_of(R"({"kty":"RSA","kid":5})"), "keys[0]: \"kid\" must be a string");
  EXPECT_EQ(message_of(R"({"kty":"RSA","n":"a+b=","e":"AQAB"})"), "keys[0]: \"n\" is not base64url without padding");
  EXPECT_EQ(message_of(R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})"),
            "keys[0]: \"x\" and \"y\" must have 32 bytes each");
  EXPECT_EQ(message_of(R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})"), "keys[0]: \"x\" must have 32 bytes");
}

TEST(Jwks, RefusesWeakKeys) {
  EXPECT_NE(message_of(test::jwk(test::TestKey::rsa(1024), "RSA", "")).find("1024 bits"), std::string::npos);
  EXPECT_NE(message_of(R"({"kty":"oct","k":"AAAA"})").find("3 bytes"), std::string::npos);
  EXPECT_NE(message_of(test::jwk(test::p256_key(), "EC", R"(,"alg":"HS256")")).find("does not fit"), std::string::npos);
}

TEST(Jwks, RefusesAPointThatIsNotOnTheCurve) {
  const std::string one = base64url_encode(std::string(31, '\0') + '\x01');
  EXPECT_NE(message_of(R"({"kty":"EC","crv":"P-256","x":")" + one + R"(","y":")" + one + R"("})").find("valid key"),
            std::string::npos);
}

TEST(Jwks, RefusesRsaNumbersThatMakeVerifyingSlow) {
  const std::string n = test::rsa_key().number(OSSL_PKEY_PARAM_RSA_N);
  const auto rsa = [](const std::string& modulus, const std::string& exponent) {
    return R"({"kty":"RSA","n":")" + base64url_encode(modulus) + R"(","e":")" + base64url_encode(exponent) + R"("})";
  };
  EXPECT_NE(message_of(rsa(n, std::string(256, '\x7f'))).find("\"e\" is too long"), std::string::npos);
  EXPECT_NE(message_of(rsa(std::string(4000, '\x7f'), "\x03")).find("\"n\" is too long"), std::string::npos);
  EXPECT_NE(message_of(rsa(n, "\x02")).find("valid key"), std::string::npos);
}

TEST(Jwks, RefusesWhatIsNoKeySet) {
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[],"keys":[]})"}) {
    EXPECT_FALSE(parse_jwks(text)) << text;
  }
}

TEST(Jwks, RefusesMoreThan32Keys) {
  std::string keys = R"({"kty":"x"})";
  for (std::size_t i = 1; i < kMaxJwksKeys; ++i) {
    keys += R"(,{"kty":"x"})";
  }
  EXPECT_TRUE(parse_jwks(set_of(keys)));
  EXPECT_FALSE(parse_jwks(set_of(keys + R"(,{"kty":"x"})")));
}

}  // namespace
}  // namespace pushwire::session
