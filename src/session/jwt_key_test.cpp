#include "session/jwt_key.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <string>
#include <thread>

#include "session/jwt_test_support.h"

namespace pushwire::session {
namespace {

using test::TestKey;

constexpr std::array<std::string_view, kJwtAlgorithmCount> kNames{"HS256", "HS384", "HS512", "RS256", "RS384",
                                                                  "RS512", "ES256", "ES384", "EdDSA"};

Result<JwtKey> key_for(std::string_view alg) {
  if (alg.starts_with("HS")) {
    return JwtKey::from_secret(test::kSecret);
  }
  const TestKey& key = alg.starts_with("RS") ? test::rsa_key()
                       : alg == "ES256"      ? test::p256_key()
                       : alg == "ES384"      ? test::p384_key()
                                             : test::ed25519_key();
  return JwtKey::from_pem(key.public_pem());
}

TEST(JwtKey, VerifiesEveryAlgorithmWithItsOwnKey) {
  for (const std::string_view name : kNames) {
    const Result<JwtKey> key = key_for(name);
    ASSERT_TRUE(key) << name << key.error().message;
    EXPECT_TRUE(key->verify(*find_jwt_algorithm(name), "header.payload", test::sign_as(name, "header.payload")))
        << name;
  }
}

TEST(JwtKey, RefusesEveryChangedBitOfAnySignature) {
  for (const std::string_view name : kNames) {
    const Result<JwtKey> key = key_for(name);
    std::string signature = test::sign_as(name, "header.payload");
    for (std::size_t i = 0; i < signature.size(); i += 7) {
      signature[i] = static_cast<char>(signature[i] ^ 1);
      EXPECT_FALSE(key->verify(*find_jwt_algorithm(name), "header.payload", signature)) << name << " byte " << i;
      signature[i] = static_cast<char>(signature[i] ^ 1);
    }
    EXPECT_FALSE(key->verify(*find_jwt_algorithm(name), "header.payloae", signature)) << name;
  }
}

TEST(JwtKey, RefusesSignaturesOfOtherLengths) {
  for (const std::string_view name : kNames) {
    const Result<JwtKey> key = key_for(name);
    const std::string signature = test::sign_as(name, "header.payload");
    const JwtAlgorithm algorithm = *find_jwt_algorithm(name);
    EXPECT_FALSE(key->verify(algorithm, "header.payload", "")) << name;
    EXPECT_FALSE(key->verify(algorithm, "header.payload", std::string_view(signature).substr(1))) << name;
    EXPECT_FALSE(key->verify(algorithm, "header.payload", signature + '\0')) << name;
    EXPECT_FALSE(key->verify(algorithm, "header.payload", std::string(signature.size(), '\0'))) << name;
  }
}

TEST(JwtKey, PermitsOnlyTheAlgorithmsOfItsKind) {
  for (const std::string_view of_key : kNames) {
    const Result<JwtKey> key = key_for(of_key);
    for (const std::string_view asked : kNames) {
      const bool same_kind =
          of_key.substr(0, 2) == asked.substr(0, 2) && (!of_key.starts_with("ES") || of_key == asked);
      EXPECT_EQ(key->permits(*find_jwt_algorithm(asked)), same_kind) << of_key << " asked for " << asked;
      if (!same_kind) {
        EXPECT_FALSE(key->verify(*find_jwt_algorithm(asked), "x", test::sign_as(asked, "x"))) << of_key << asked;
      }
    }
  }
}

TEST(JwtKey, RefusesEcdsaSignaturesInDer) {
  const Result<JwtKey> key = key_for("ES256");
  EXPECT_FALSE(key->verify(JwtAlgorithm::kEs256, "x", test::p256_key().sign("SHA256", "x")));
}

TEST(JwtKey, KnowsAlgorithmNamesExactly) {
  for (const std::string_view name : {"none", "None", "hs256", "HS256 ", "", "PS256", "ES512", "ES256K", "EDDSA"}) {
    EXPECT_FALSE(find_jwt_algorithm(name)) << name;
  }
}

TEST(JwtKey, RestrictedKeyKeepsOneAlgorithm) {
  Result<JwtKey> key = JwtKey::from_secret(test::kSecret).value().restricted_to(JwtAlgorithm::kHs512);
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->permits(JwtAlgorithm::kHs512));
  EXPECT_FALSE(key->verify(JwtAlgorithm::kHs256, "x", test::sign_as("HS256", "x")));
  EXPECT_FALSE(JwtKey::from_secret(test::kSecret).value().restricted_to(JwtAlgorithm::kRs256));
}

TEST(JwtKey, RefusesSecretsShorterThan32Bytes) {
  EXPECT_FALSE(JwtKey::from_secret(test::kSecret.substr(1)));
  EXPECT_TRUE(JwtKey::from_secret(test::kSecret));
}

TEST(JwtKey, RefusesWeakAndUnknownPublicKeys) {
  const auto message = [](const TestKey& key) { return JwtKey::from_pem(key.public_pem()).error().message; };
  EXPECT_NE(message(TestKey::rsa(1024)).find("1024 bits"), std::string::npos);
  EXPECT_NE(message(TestKey::ec("P-521")).find("secp521r1"), std::string::npos);
  EXPECT_NE(message(TestKey::ec("secp256k1")).find("secp256k1"), std::string::npos);
}

TEST(JwtKey, SaysWhatIsWrongWithAPemFile) {
  const auto message = [](const std::string& pem) { return JwtKey::from_pem(pem).error().message; };
  const std::string good = test::p256_key().public_pem();
  EXPECT_NE(message("").find("no PEM block"), std::string::npos);
  EXPECT_NE(message(test::p256_key().private_pem()).find("-pubout"), std::string::npos);
  EXPECT_NE(message(good + good).find("JWKS"), std::string::npos);
  EXPECT_NE(message("-----BEGIN CERTIFICATE-----\n").find("-pubkey"), std::string::npos);
  EXPECT_NE(message(good.substr(0, good.size() / 2)).find("cannot be read"), std::string::npos);
}

TEST(JwtKey, LeavesNoErrorsBehindForTls) {
  const Result<JwtKey> key = key_for("RS256");
  EXPECT_FALSE(key->verify(JwtAlgorithm::kRs256, "x", std::string(256, 'x')));
  EXPECT_FALSE(JwtKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(JwtKey, ServesSeveralThreadsAtOnce) {
  for (const std::string_view name : {"HS256", "RS256", "ES256", "EdDSA"}) {
    const Result<JwtKey> key = key_for(name);
    const std::string signature = test::sign_as(name, "x");
    std::array<int, 2> good{};
    const auto work = [&](int& count) {
      for (int i = 0; i < 50; ++i) {
        count += key->verify(*find_jwt_algorithm(name), "x", signature) ? 1 : 0;
      }
    };
    std::thread other([&] { work(good[0]); });
    work(good[1]);
    other.join();
    EXPECT_EQ(good[0] + good[1], 100) << name;
  }
}

}  // namespace
}  // namespace pushwire::session
