#include "session/key_set.h"

#include <gtest/gtest.h>

#include <string>

#include "session/jwt_test_support.h"

namespace pushwire::session {
namespace {

std::string message_of(const KeySources& sources) {
  const Result<KeySet> keys = load_keys(sources);
  return keys ? "no error" : keys.error().message;
}

bool verifies(const KeySet& keys, std::string_view kid, std::string_view alg) {
  return keys.verify(kid, *find_jwt_algorithm(alg), "x", test::sign_as(alg, "x"));
}

TEST(KeySet, UsesAllSourcesTogether) {
  test::TestFolder folder;
  KeySources sources;
  sources.hmac_secret_file = folder.write("secret", std::string(test::kSecret) + "\n");
  sources.public_key_file = folder.write("rsa.pem", test::rsa_key().public_pem(), 0644);
  sources.jwks_file =
      folder.write("jwks.json", R"({"keys":[)" + test::jwk(test::p256_key(), "EC", R"(,"kid":"e")") + "]}", 0644);
  const Result<KeySet> keys = load_keys(sources);
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys->size(), 3U);
  EXPECT_TRUE(verifies(*keys, "", "HS256"));
  EXPECT_TRUE(verifies(*keys, "", "RS256"));
  EXPECT_TRUE(verifies(*keys, "", "ES256"));
  EXPECT_TRUE(verifies(*keys, "e", "ES256"));
  EXPECT_FALSE(verifies(*keys, "", "EdDSA"));
}

TEST(KeySet, KnownKidAloneChooses) {
  test::TestFolder folder;
  KeySources sources;
  sources.hmac_secret = test::kSecret;
  sources.jwks_file =
      folder.write("jwks.json", R"({"keys":[)" + test::jwk(test::p256_key(), "EC", R"(,"kid":"a")") + "," +
                                    test::jwk(test::TestKey::ec("P-256"), "EC", R"(,"kid":"b")") + "]}");
  const Result<KeySet> keys = load_keys(sources);
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_TRUE(verifies(*keys, "a", "ES256"));
  EXPECT_FALSE(verifies(*keys, "b", "ES256"));
  EXPECT_FALSE(verifies(*keys, "a", "HS256")) << "the kid names a key that the alg does not fit";
}

TEST(KeySet, UnknownKidReachesOnlyKeysWithoutId) {
  test::TestFolder folder;
  KeySources sources;
  sources.hmac_secret = test::kSecret;
  sources.jwks_file =
      folder.write("jwks.json", R"({"keys":[)" + test::jwk(test::p256_key(), "EC", R"(,"kid":"a")") + "]}");
  const Result<KeySet> keys = load_keys(sources);
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_TRUE(verifies(*keys, "nobody", "HS256"));
  EXPECT_FALSE(verifies(*keys, "nobody", "ES256"));
}

TEST(KeySet, RefusesToStartWithoutAnyKey) {
  EXPECT_NE(message_of({}).find("no key to verify tokens with"), std::string::npos);
  test::TestFolder folder;
  KeySources sources;
  sources.jwks_file = folder.write("jwks.json", R"({"keys":[{"kty":"x"}]})");
  EXPECT_NE(message_of(sources).find("no key in it that can verify"), std::string::npos);
}

TEST(KeySet, RefusesSecretsThatOthersCanRead) {
  test::TestFolder folder;
  KeySources sources;
  sources.hmac_secret_file = folder.write("secret", test::kSecret, 0640);
  EXPECT_EQ(message_of(sources), sources.hmac_secret_file + ": holds a secret and others can read it: chmod 600 it");
  sources = {};
  sources.jwks_file =
      folder.write("jwks.json", R"({"keys":[{"kty":"oct","k":")" + base64url_encode(test::kSecret) + R"("}]})", 0604);
  EXPECT_NE(message_of(sources).find("chmod 600"), std::string::npos);
}

TEST(KeySet, ErrorsNameTheFile) {
  test::TestFolder folder;
  KeySources sources;
  sources.public_key_file = folder.path() + "/missing.pem";
  EXPECT_EQ(message_of(sources), sources.public_key_file + ": cannot be read: No such file or directory");
  sources.public_key_file = folder.path();
  EXPECT_EQ(message_of(sources), folder.path() + ": is not a regular file");
  sources.public_key_file = folder.write("big.pem", std::string((1U << 20) + 1, 'x'));
  EXPECT_EQ(message_of(sources), sources.public_key_file + ": is larger than 1 MiB");
  sources = {};
  sources.hmac_secret = "short";
  EXPECT_EQ(message_of(sources).rfind("auth.hmac_secret: the secret has 5 bytes", 0), 0U);
  EXPECT_EQ(message_of(sources).find("short"), std::string::npos) << "never the secret itself";
  sources = {};
  sources.jwks_file = folder.write("jwks.json", "{");
  EXPECT_EQ(message_of(sources).rfind(sources.jwks_file + ": not a JSON object", 0), 0U);
}

TEST(KeySet, NotesNameTheFile) {
  test::TestFolder folder;
  KeySources sources;
  sources.jwks_file =
      folder.write("jwks.json", R"({"keys":[{"kty":"x"},)" + test::jwk(test::p256_key(), "EC", "") + "]}");
  const Result<KeySet> keys = load_keys(sources);
  ASSERT_TRUE(keys) << keys.error().message;
  ASSERT_EQ(keys->notes().size(), 1U);
  EXPECT_EQ(keys->notes()[0].rfind(sources.jwks_file + ": keys[0]: skipped", 0), 0U);
}

TEST(KeySet, SecretForSigningIsTheOneForVerifying) {
  test::TestFolder folder;
  KeySources sources;
  EXPECT_FALSE(load_secret(sources));
  sources.hmac_secret_file = folder.write("secret", std::string(test::kSecret) + "\r\n");
  EXPECT_EQ(load_secret(sources).value(), test::kSecret);
  sources.hmac_secret = "short";
  EXPECT_FALSE(load_secret(sources));
}

}  // namespace
}  // namespace pushwire::session
