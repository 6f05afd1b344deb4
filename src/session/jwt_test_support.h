// For tests only: keys made on the spot and tokens signed with OpenSSL alone, so that nothing under test helps to make
// what it has to judge.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/check.h"
#include "base/test_folder.h"
#include "session/jwt_key.h"

namespace pushwire::session::test {

using pushwire::test::TestFolder;

inline constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";

inline const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

class TestKey {
 public:
  static TestKey rsa(std::size_t bits) { return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits)); }
  static TestKey ec(const char* curve) { return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve)); }
  static TestKey ed25519() { return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }

  EVP_PKEY* get() const { return key_.get(); }
  std::string public_pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PW_CHECK(PEM_write_bio_PUBKEY(bio, key_.get()) == 1);
    return drain(bio);
  }
  std::string private_pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PW_CHECK(PEM_write_bio_PKCS8PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return drain(bio);
  }
  // A number of the key, big endian, at least `width` bytes.
  std::string number(const char* name, int width = 0) const {
    BIGNUM* value = nullptr;
    PW_CHECK(EVP_PKEY_get_bn_param(key_.get(), name, &value) == 1);
    std::string out(static_cast<std::size_t>(std::max(width, BN_num_bytes(value))), '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
    BN_free(value);
    return out;
  }
  std::string raw_public() const {
    std::string out(32, '\0');
    std::size_t size = out.size();
    PW_CHECK(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(out.data()), &size) == 1);
    return out;
  }
  // What OpenSSL makes of it: DER for EC. `digest` null for Ed25519.
  std::string sign(const char* digest, std::string_view input) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    PW_CHECK(EVP_DigestSignInit_ex(context, nullptr, digest, nullptr, nullptr, key_.get(), nullptr) == 1);
    std::size_t size = 0;
    PW_CHECK(EVP_DigestSign(context, nullptr, &size, octets(input), input.size()) == 1);
    std::string out(size, '\0');
    PW_CHECK(
        EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size, octets(input), input.size()) == 1);
    out.resize(size);
    EVP_MD_CTX_free(context);
    return out;
  }
  // r and s, each `width` bytes.
  std::string sign_raw(const char* digest, std::string_view input, int width) const {
    const std::string der = sign(digest, input);
    const unsigned char* cursor = octets(der);
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(der.size()));
    std::string out(static_cast<std::size_t>(2 * width), '\0');
    auto* bytes = reinterpret_cast<unsigned char*>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, width);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes + width, width);
    ECDSA_SIG_free(pair);
    return out;
  }

 private:
  explicit TestKey(EVP_PKEY* key) : key_(key) { PW_CHECK(key != nullptr); }
  static std::string drain(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return out;
  }
  PkeyPtr key_;
};

// Made once: RSA keys take a while.
inline const TestKey& rsa_key() {
  static const TestKey key = TestKey::rsa(2048);
  return key;
}
inline const TestKey& p256_key() {
  static const TestKey key = TestKey::ec("P-256");
  return key;
}
inline const TestKey& p384_key() {
  static const TestKey key = TestKey::ec("P-384");
  return key;
}
inline const TestKey& ed25519_key() {
  static const TestKey key = TestKey::ed25519();
  return key;
}

inline std::string hmac(const EVP_MD* digest, std::string_view secret, std::string_view input) {
  std::array<unsigned char, 64> out{};
  unsigned int size = 0;
  HMAC(digest, secret.data(), static_cast<int>(secret.size()), octets(input), input.size(), out.data(), &size);
  return {reinterpret_cast<const char*>(out.data()), size};
}

// The signature that an issuer with all of the keys above makes for `alg`.
inline std::string sign_as(std::string_view alg, std::string_view input) {
  const std::string digest = "SHA" + std::string(alg.substr(std::min<std::size_t>(2, alg.size())));
  if (alg.starts_with("HS")) {
    return hmac(EVP_get_digestbyname(digest.c_str()), kSecret, input);
  }
  if (alg.starts_with("RS")) {
    return rsa_key().sign(digest.c_str(), input);
  }
  if (alg == "ES256") {
    return p256_key().sign_raw("SHA256", input, 32);
  }
  return alg == "ES384" ? p384_key().sign_raw("SHA384", input, 48) : ed25519_key().sign(nullptr, input);
}

inline std::string signing_input(std::string_view header, std::string_view claims) {
  return base64url_encode(header) + "." + base64url_encode(claims);
}
inline std::string join(std::string_view input, std::string_view signature) {
  return std::string(input) + "." + base64url_encode(signature);
}
// A token with this header and these claims, signed as `alg` says, whatever the header says.
inline std::string token_of(std::string_view header, std::string_view claims, std::string_view alg = "HS256") {
  const std::string input = signing_input(header, claims);
  return join(input, sign_as(alg, input));
}
inline std::string token_for(std::string_view alg, std::string_view claims) {
  return token_of(R"({"alg":")" + std::string(alg) + R"("})", claims, alg);
}

inline std::string jwk(const TestKey& key, std::string_view kty, std::string_view more) {
  const auto member = [](const char* name, const std::string& bytes) {
    return std::string(",\"") + name + "\":\"" + base64url_encode(bytes) + "\"";
  };
  std::string out = R"({"kty":")" + std::string(kty) + "\"";
  if (kty == "RSA") {
    out += member("n", key.number(OSSL_PKEY_PARAM_RSA_N)) + member("e", key.number(OSSL_PKEY_PARAM_RSA_E));
  } else if (kty == "EC") {
    const int width = (EVP_PKEY_get_bits(key.get()) + 7) / 8;
    out += member("x", key.number(OSSL_PKEY_PARAM_EC_PUB_X, width)) +
           member("y", key.number(OSSL_PKEY_PARAM_EC_PUB_Y, width)) + R"(,"crv":"P-)" + std::to_string(width * 8) +
           "\"";
  } else {
    out += member("x", key.raw_public()) + R"(,"crv":"Ed25519")";
  }
  return out + std::string(more) + "}";
}

}  // namespace pushwire::session::test
