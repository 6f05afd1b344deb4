#include "session/jwt.h"

#include <gtest/gtest.h>

#include <string>

#include "session/jwks.h"
#include "session/jwt_test_support.h"

namespace pushwire::session {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;

// A secret, a public key of each kind, and one P-256 key with the id "k".
const KeySet& all_keys() {
  static const KeySet keys = [] {
    std::vector<JwtKey> list;
    list.push_back(JwtKey::from_secret(test::kSecret).value());
    for (const test::TestKey* key : {&test::rsa_key(), &test::p256_key(), &test::p384_key(), &test::ed25519_key()}) {
      list.push_back(JwtKey::from_pem(key->public_pem()).value());
    }
    list.push_back(JwtKey::from_pem(test::p256_key().public_pem()).value().with_id("k"));
    return KeySet(std::move(list), {});
  }();
  return keys;
}

Result<Identity, TokenError> verify(std::string_view token, const TokenPolicy& policy = {}, std::int64_t now = kNow) {
  return verify_token(token, all_keys(), policy, now);
}

// "accepted", or why not.
std::string outcome(std::string_view token, const TokenPolicy& policy = {}, std::int64_t now = kNow) {
  const auto identity = verify(token, policy, now);
  return identity ? "accepted"
                  : std::string(code_of(identity.error().fault)) + ": " + std::string(identity.error().text);
}
std::string outcome_of_claims(std::string_view claims, const TokenPolicy& policy = {}) {
  return outcome(test::token_for("HS256", claims), policy);
}
std::string outcome_of_header(std::string_view header) {
  return outcome(test::token_of(header, R"({"sub":"alice","exp":1700000100})"));
}
// Claims that are good but for "more".
std::string outcome_with(std::string_view more) {
  return outcome_of_claims(R"({"sub":"alice","exp":1700000100,)" + std::string(more) + "}");
}

constexpr std::string_view kGoodClaims = R"({"sub":"alice","exp":1700000100})";

TEST(Jwt, AcceptsEveryAlgorithm) {
  for (const std::string_view alg : {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA"}) {
    const auto identity = verify(test::token_for(alg, kGoodClaims));
    ASSERT_TRUE(identity) << alg << ": " << identity.error().text;
    EXPECT_EQ(identity->user, "alice");
    EXPECT_EQ(identity->expires_at, 1700000130) << "exp and leeway";
    EXPECT_TRUE(identity->topics.empty());
  }
}

TEST(Jwt, RefusesATamperedSignatureOfEveryAlgorithm) {
  for (const std::string_view alg : {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA"}) {
    std::string token = test::token_for(alg, kGoodClaims);
    char& last = token[token.rfind('.') + 5];
    last = last == 'A' ? 'B' : 'A';
    EXPECT_EQ(outcome(token), "token_invalid: the token's signature is not valid") << alg;
  }
}

TEST(Jwt, RefusesTamperedClaims) {
  const std::string token = test::token_for("HS256", kGoodClaims);
  const std::string other = test::token_for("HS256", R"({"sub":"admin","exp":1700000100})");
  EXPECT_EQ(outcome(other.substr(0, other.rfind('.')) + token.substr(token.rfind('.'))),
            "token_invalid: the token's signature is not valid");
}

TEST(Jwt, RefusesAlgNone) {
  for (const char* none : {"none", "None", "NONE", "nOnE", ""}) {
    const std::string input = test::signing_input(R"({"alg":")" + std::string(none) + R"("})", kGoodClaims);
    EXPECT_EQ(outcome(input + "."), "token_invalid: the token's alg is not supported") << none;
    EXPECT_EQ(outcome(test::join(input, test::sign_as("HS256", input))),
              "token_invalid: the token's alg is not supported");
  }
}

TEST(Jwt, RefusesAnEmptySignature) {
  EXPECT_EQ(outcome(test::signing_input(R"({"alg":"HS256"})", kGoodClaims) + "."),
            "token_invalid: the token's signature is not valid");
}

// RFC 8725 2.1: the public key is no secret, so a token that is "signed" with it as one must not pass.
TEST(Jwt, RefusesThePublicKeyAsHmacSecret) {
  std::vector<JwtKey> list;
  list.push_back(JwtKey::from_pem(test::rsa_key().public_pem()).value());
  const KeySet keys(std::move(list), {});
  const std::string input = test::signing_input(R"({"alg":"HS256"})", kGoodClaims);
  const std::string forged = test::join(input, test::hmac(EVP_sha256(), test::rsa_key().public_pem(), input));
  EXPECT_FALSE(verify_token(forged, keys, {}, kNow));
  EXPECT_TRUE(verify_token(test::token_for("RS256", kGoodClaims), keys, {}, kNow));
}

TEST(Jwt, KidChoosesTheKey) {
  const auto with_kid = [](std::string_view alg, std::string_view kid) {
    return outcome(
        test::token_of(R"({"alg":")" + std::string(alg) + R"(","kid":)" + std::string(kid) + "}", kGoodClaims, alg));
  };
  EXPECT_EQ(with_kid("ES256", R"("k")"), "accepted");
  EXPECT_EQ(with_kid("HS256", R"("k")"), "token_invalid: the token's signature is not valid");
  EXPECT_EQ(with_kid("HS256", R"("unknown")"), "accepted") << "then the alg chooses among keys without id";
  EXPECT_EQ(with_kid("HS256", "7"), "token_invalid: the token's kid is not a string");
}

TEST(Jwt, RefusesAnUnknownKidWhenAllKeysHaveIds) {
  Result<Jwks> jwks = parse_jwks(R"({"keys":[)" + test::jwk(test::p256_key(), "EC", R"(,"kid":"k")") + "]}");
  ASSERT_TRUE(jwks);
  const KeySet keys(std::move(jwks->keys), {});
  EXPECT_FALSE(verify_token(test::token_of(R"({"alg":"ES256","kid":"other"})", kGoodClaims, "ES256"), keys, {}, kNow));
  EXPECT_TRUE(verify_token(test::token_of(R"({"alg":"ES256","kid":"k"})", kGoodClaims, "ES256"), keys, {}, kNow));
}

TEST(Jwt, RefusesCrit) {
  constexpr std::string_view kRefusal = "token_invalid: the token demands an extension (crit) that is not supported";
  EXPECT_EQ(outcome_of_header(R"({"alg":"HS256","crit":["exp"],"exp":1})"), kRefusal);
  EXPECT_EQ(outcome_of_header(R"({"alg":"HS256","crit":[]})"), kRefusal);
  EXPECT_EQ(outcome_of_header(R"({"alg":"HS256","crit":null})"), kRefusal);
}

TEST(Jwt, IgnoresTypeAndKeyUrls) {
  EXPECT_EQ(
      outcome_of_header(R"({"alg":"HS256","typ":"at+jwt","jku":"http://evil.example/","x5u":"http://evil.example/"})"),
      "accepted");
}

// A stranger's signature stays a stranger's, though the token brings the very key that it was made with (attack 26).
TEST(Jwt, NeverUsesAKeyThatTheTokenBrings) {
  constexpr std::string_view kStranger = "fedcba9876543210fedcba9876543210";
  const std::string header =
      R"({"alg":"HS256","jwk":{"kty":"oct","alg":"HS256","k":")" + base64url_encode(kStranger) + R"("}})";
  const std::string input = test::signing_input(header, kGoodClaims);
  EXPECT_EQ(outcome(test::join(input, test::hmac(EVP_sha256(), kStranger, input))),
            "token_invalid: the token's signature is not valid");
  EXPECT_EQ(outcome(test::token_of(header, kGoodClaims)), "accepted");
}

TEST(Jwt, RefusesBadHeaders) {
  for (const char* header : {"", "[]", "{", R"({"alg":"HS256","alg":"HS256"})", R"({"alg":"none","alg":"HS256"})"}) {
    EXPECT_EQ(outcome_of_header(header), "token_invalid: the token's header is not valid") << header;
  }
  for (const char* header : {"{}", R"({"alg":5})", R"({"alg":null})", R"({"alg":["HS256"]})", R"({"alg":"PS256"})"}) {
    EXPECT_EQ(outcome_of_header(header), "token_invalid: the token's alg is not supported") << header;
  }
}

TEST(Jwt, RefusesWhatIsNotThreeParts) {
  const std::string token = test::token_for("HS256", kGoodClaims);
  constexpr std::string_view kRefusal = "token_invalid: the token is not of the form header.payload.signature";
  for (const std::string& text :
       {std::string("x"), token.substr(0, token.rfind('.')), token + ".", token + ".a.b", std::string("Bearer")}) {
    EXPECT_EQ(outcome(text), kRefusal) << text;
  }
  EXPECT_EQ(outcome(""), "token_missing: a token is needed");
}

TEST(Jwt, RefusesEveryTruncation) {
  const std::string token = test::token_for("HS256", kGoodClaims);
  for (std::size_t size = 0; size < token.size(); ++size) {
    EXPECT_FALSE(verify(token.substr(0, size))) << size;
  }
}

TEST(Jwt, RefusesLaxBase64) {
  const std::string token = test::token_for("HS256", kGoodClaims);
  EXPECT_FALSE(verify(token + "="));
  EXPECT_FALSE(verify(token + "\n"));
  EXPECT_FALSE(verify(" " + token));
  // The last character of 32 bytes carries two unused bits: only zeros are canonical.
  std::string other = token;
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  other.back() = kAlphabet[kAlphabet.find(other.back()) + 1];
  EXPECT_FALSE(verify(other));
}

TEST(Jwt, RefusesGiantTokensBeforeReadingThem) {
  const std::string big(kMaxTokenBytes, 'a');
  EXPECT_EQ(outcome_with(R"("x":")" + big + "\""), "token_invalid: the token is too long");
  EXPECT_EQ(outcome_with(R"("x":")" + big.substr(0, kMaxTokenBytes / 2) + "\""), "accepted");
}

TEST(Jwt, RefusesExpiredTokensAfterTheLeeway) {
  const std::string token = test::token_for("HS256", R"({"sub":"alice","exp":1700000000})");
  EXPECT_EQ(outcome(token, {}, kNow + 29), "accepted");
  EXPECT_EQ(outcome(token, {}, kNow + 30), "token_expired: the token has expired");
  EXPECT_EQ(outcome_of_claims(R"({"sub":"alice","exp":0})"), "token_expired: the token has expired");
  EXPECT_EQ(outcome_of_claims(R"({"sub":"alice","exp":-1e300})"), "token_expired: the token has expired");
}

TEST(Jwt, RefusesTokensThatAreNotValidYet) {
  EXPECT_EQ(outcome_with(R"("nbf":1700000030)"), "accepted") << "leeway";
  EXPECT_EQ(outcome_with(R"("nbf":1700000031)"), "token_invalid: the token is not valid yet");
  EXPECT_EQ(outcome_with(R"("nbf":1e300)"), "token_invalid: the token is not valid yet");
}

TEST(Jwt, DemandsExpUnlessConfiguredOtherwise) {
  EXPECT_EQ(outcome_of_claims(R"({"sub":"alice"})"), "token_invalid: the token has no exp");
  TokenPolicy policy;
  policy.require_exp = false;
  const auto identity = verify(test::token_for("HS256", R"({"sub":"alice"})"), policy);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->expires_at, 0);
  EXPECT_EQ(outcome_of_claims(R"({"sub":"alice","exp":1})", policy), "token_expired: the token has expired");
}

TEST(Jwt, ReadsFractionalAndHugeTimes) {
  EXPECT_EQ(verify(test::token_for("HS256", R"({"sub":"a","exp":1700000100.75,"iat":1.5})"))->expires_at, 1700000130);
  for (const char* exp : {"1e300", "18446744073709551615", "9223372036854775807"}) {
    const auto identity = verify(test::token_for("HS256", R"({"sub":"a","exp":)" + std::string(exp) + "}"));
    ASSERT_TRUE(identity) << exp;
    EXPECT_EQ(identity->expires_at, 253402300799) << exp;
  }
}

TEST(Jwt, RefusesTimesThatAreNoFiniteNumbers) {
  TokenPolicy policy;
  policy.require_exp = false;
  for (const char* value : {R"("1700000100")", "null", "true", "[]", "{}", "1e999", "-1e999"}) {
    for (const char* name : {"exp", "nbf", "iat"}) {
      const std::string claims = R"({"sub":"alice",")" + std::string(name) + "\":" + value + "}";
      EXPECT_EQ(outcome_of_claims(claims, policy), "token_invalid: a time in the token (exp, nbf, iat) is not a number")
          << claims;
    }
  }
  for (const char* value : {"NaN", "Infinity", "0x10", "1_0"}) {
    EXPECT_EQ(outcome_of_claims(R"({"sub":"alice","exp":)" + std::string(value) + "}"),
              "token_invalid: the token's claims are not valid");
  }
}

TEST(Jwt, ChecksIssuerWhenConfigured) {
  TokenPolicy policy;
  policy.issuer = "me";
  const auto with_issuer = [&](const std::string& more) {
    return outcome_of_claims(R"({"sub":"alice","exp":1700000100)" + more + "}", policy);
  };
  EXPECT_EQ(with_issuer(R"(,"iss":"me")"), "accepted");
  EXPECT_EQ(with_issuer(R"(,"iss":"you")"), "token_invalid: the token is from another issuer");
  EXPECT_EQ(with_issuer(R"(,"iss":"ME")"), "token_invalid: the token is from another issuer");
  EXPECT_EQ(with_issuer(""), "token_invalid: the token is from another issuer");
  EXPECT_EQ(outcome_with(R"("iss":"anybody")"), "accepted");
  EXPECT_EQ(outcome_with(R"("iss":["me"])"), "token_invalid: the token's iss is not a string");
}

TEST(Jwt, ChecksAudienceWhenConfigured) {
  TokenPolicy policy;
  policy.audience = "push";
  const auto with_audience = [&](const std::string& more) {
    return outcome_of_claims(R"({"sub":"alice","exp":1700000100)" + more + "}", policy);
  };
  EXPECT_EQ(with_audience(R"(,"aud":"push")"), "accepted");
  EXPECT_EQ(with_audience(R"(,"aud":["x","push"])"), "accepted");
  EXPECT_EQ(with_audience(""), "token_invalid: the token is for another audience");
  EXPECT_EQ(with_audience(R"(,"aud":[])"), "token_invalid: the token is for another audience");
  EXPECT_EQ(with_audience(R"(,"aud":"pushy")"), "token_invalid: the token is for another audience");
  EXPECT_EQ(with_audience(R"(,"aud":["push",5])"),
            "token_invalid: the token's aud holds something that is not a string");
  EXPECT_EQ(outcome_with(R"("aud":5)"), "token_invalid: the token's aud is neither a string nor an array");
}

TEST(Jwt, RefusesUsersThatAreNoUserIds) {
  for (const char* sub : {"5", "null", "[\"alice\"]", "true"}) {
    EXPECT_EQ(outcome_of_claims(R"({"exp":1700000100,"sub":)" + std::string(sub) + "}"),
              "token_invalid: the token names no user")
        << sub;
  }
  EXPECT_EQ(outcome_of_claims(R"({"exp":1700000100})"), "token_invalid: the token names no user");
  for (const std::string& sub :
       {std::string(), std::string("a\\u0000b"), std::string("\\u0085"), std::string(129, 'a')}) {
    EXPECT_EQ(outcome_of_claims(R"({"exp":1700000100,"sub":")" + sub + "\"}"),
              "token_invalid: the token's user is not a valid user id")
        << sub;
  }
}

TEST(Jwt, TakesTheUserFromTheConfiguredClaim) {
  TokenPolicy policy;
  policy.user_claim = "uid";
  const auto identity = verify(test::token_for("HS256", R"({"sub":"no","uid":"Zoë","exp":1700000100})"), policy);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->user, "Zoë");
  EXPECT_EQ(outcome_of_claims(kGoodClaims, policy), "token_invalid: the token names no user");
}

TEST(Jwt, RefusesUserClaimsWithAnotherMeaning) {
  TokenPolicy policy;
  EXPECT_TRUE(check_policy(policy));
  for (const char* claim : {"", "exp", "aud", "topics"}) {
    policy.user_claim = claim;
    EXPECT_FALSE(check_policy(policy)) << claim;
  }
}

TEST(Jwt, ReadsTopicPatterns) {
  const auto identity =
      verify(test::token_for("HS256", R"({"sub":"alice","exp":1700000100,"topics":["news","room:*","*"]})"));
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->topics, (std::vector<std::string>{"news", "room:*", "*"}));
  EXPECT_EQ(outcome_with(R"("topics":[])"), "accepted");
}

TEST(Jwt, RefusesBadTopicClaims) {
  for (const char* topics :
       {R"("news")", "null", "5", "{}", R"(["a b"])", R"(["*a"])", R"([""])", "[5]", R"([["a"]])"}) {
    EXPECT_NE(outcome_with(R"("topics":)" + std::string(topics)), "accepted") << topics;
  }
  std::string many = "\"a\"";
  for (std::size_t i = 1; i < kMaxTokenTopics; ++i) {
    many += ",\"a\"";
  }
  EXPECT_EQ(outcome_with(R"("topics":[)" + many + "]"), "accepted");
  EXPECT_EQ(outcome_with(R"("topics":[)" + many + ",\"a\"]"),
            "token_invalid: the token's topics are not an array of at most 256");
}

TEST(Jwt, RefusesClaimsThatAreNotOneStrictObject) {
  for (const char* claims : {"", "[]", "null", R"({"sub":"alice","sub":"bob","exp":1700000100})",
                             R"({"sub":"alice","exp":1,"exp":1700000100})", R"({"sub":"alice","exp":1700000100}})"}) {
    EXPECT_EQ(outcome_of_claims(claims), "token_invalid: the token's claims are not valid") << claims;
  }
}

TEST(Jwt, SaysNothingOfClaimsWhoseSignatureIsWrong) {
  const std::string input = test::signing_input(R"({"alg":"HS256"})", R"({"sub":"alice","exp":1})");
  EXPECT_EQ(outcome(test::join(input, std::string(32, 'x'))), "token_invalid: the token's signature is not valid");
}

// Tokens that other people made.

constexpr std::string_view kRfcClaims =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

Result<Identity, TokenError> verify_rfc(const std::string& jwk, const std::string& header,
                                        const std::string& signature) {
  Result<Jwks> jwks = parse_jwks(R"({"keys":[)" + jwk + "]}");
  EXPECT_TRUE(jwks) << jwks.error().message;
  TokenPolicy policy;
  policy.user_claim = "iss";  // the examples have no sub
  return verify_token(header + "." + std::string(kRfcClaims) + "." + signature, KeySet(std::move(jwks->keys), {}),
                      policy, 1300819379);
}

TEST(Jwt, VerifiesRfc7515AppendixA1Hs256) {
  const auto identity = verify_rfc(
      R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})",
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
  ASSERT_TRUE(identity) << identity.error().text;
  EXPECT_EQ(identity->user, "joe");
}

TEST(Jwt, VerifiesRfc7515AppendixA2Rs256) {
  const auto identity = verify_rfc(
      R"({"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJ)"
      R"(PMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdb)"
      R"(BYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_)"
      R"(h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})",
      "eyJhbGciOiJSUzI1NiJ9",
      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t"
      "1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12j"
      "zDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ"
      "Ge77Rw");
  ASSERT_TRUE(identity) << identity.error().text;
}

TEST(Jwt, VerifiesRfc7515AppendixA3Es256) {
  const auto identity = verify_rfc(
      R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
      R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
      "eyJhbGciOiJFUzI1NiJ9", "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
  ASSERT_TRUE(identity) << identity.error().text;
}

// Its payload is no JSON, so only the signature can be right.
TEST(Jwt, VerifiesRfc8037AppendixA4Ed25519) {
  const Result<Jwks> jwks =
      parse_jwks(R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})");
  ASSERT_TRUE(jwks) << jwks.error().message;
  const auto signature =
      base64url_decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
  EXPECT_TRUE(jwks->keys[0].verify(JwtAlgorithm::kEdDsa, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
                                   *signature));
}

TEST(Jwt, VerifiesATokenOfPyJwt) {
  TokenPolicy policy;
  policy.issuer = "https://issuer.example";
  policy.audience = "push";
  const auto identity = verify(
      "eyJhbGciOiJIUzM4NCIsImtpZCI6ImsxIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwMDAwMCwiaXNzIjoiaHR0"
      "cHM6Ly9pc3N1ZXIuZXhhbXBsZSIsImF1ZCI6WyJvdGhlciIsInB1c2giXSwidG9waWNzIjpbIm5ld3MiLCJyb29tOioiXX0.iOj4YQacU9xa"
      "QkINnJKMZLYegdKL_mZs0z_jEKZlbCmqRAKBjFqKdA_S-SUO6V3E",
      policy);
  ASSERT_TRUE(identity) << identity.error().text;
  EXPECT_EQ(identity->user, "alice");
  EXPECT_EQ(identity->topics, (std::vector<std::string>{"news", "room:*"}));
}

}  // namespace
}  // namespace pushwire::session
