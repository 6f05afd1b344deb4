#include "session/jwt_key.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace pushwire::session {
namespace {

enum class Family : std::uint8_t { kMac, kRsa, kEcdsa, kEdDsa };

struct AlgorithmFacts {
  std::string_view name;
  Family family;
  const char* digest;           // OpenSSL's name; null where the signature scheme brings its own
  std::size_t signature_bytes;  // 0: the key decides
};

// In the order of JwtAlgorithm.
constexpr std::array<AlgorithmFacts, kJwtAlgorithmCount> kAlgorithms{{
    {"HS256", Family::kMac, "SHA256", 32},
    {"HS384", Family::kMac, "SHA384", 48},
    {"HS512", Family::kMac, "SHA512", 64},
    {"RS256", Family::kRsa, "SHA256", 0},
    {"RS384", Family::kRsa, "SHA384", 0},
    {"RS512", Family::kRsa, "SHA512", 0},
    {"ES256", Family::kEcdsa, "SHA256", 64},
    {"ES384", Family::kEcdsa, "SHA384", 96},
    {"EdDSA", Family::kEdDsa, nullptr, 64},
}};

constexpr const AlgorithmFacts& facts_of(JwtAlgorithm algorithm) {
  return kAlgorithms[static_cast<std::size_t>(algorithm)];
}

constexpr std::uint16_t bit_of(JwtAlgorithm algorithm) {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(algorithm));
}

constexpr std::uint16_t kMacAlgorithms =
    bit_of(JwtAlgorithm::kHs256) | bit_of(JwtAlgorithm::kHs384) | bit_of(JwtAlgorithm::kHs512);
constexpr std::uint16_t kRsaAlgorithms =
    bit_of(JwtAlgorithm::kRs256) | bit_of(JwtAlgorithm::kRs384) | bit_of(JwtAlgorithm::kRs512);

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free>>;
using MacPtr = std::unique_ptr<EVP_MAC, Freer<EVP_MAC_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using EcdsaSignaturePtr = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;

// OpenSSL's error queue belongs to the thread: what a bad signature leaves there would be taken for a TLS error later.
struct ErrorQueueCleaner {
  ErrorQueueCleaner() = default;
  ErrorQueueCleaner(const ErrorQueueCleaner&) = delete;
  ErrorQueueCleaner& operator=(const ErrorQueueCleaner&) = delete;
  ~ErrorQueueCleaner() { ERR_clear_error(); }
};

MacContextPtr make_mac_context(EVP_MAC* mac, std::string_view secret, const char* digest) {
  MacContextPtr context(EVP_MAC_CTX_new(mac));
  std::string name(digest);  // OSSL_PARAM wants it writable
  const std::array<OSSL_PARAM, 2> parameters{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
                                             OSSL_PARAM_construct_end()};
  const bool keyed =
      context != nullptr && EVP_MAC_init(context.get(), octets(secret), secret.size(), parameters.data()) == 1;
  PW_CHECK(keyed);  // only out of memory or an OpenSSL without SHA-2 gets here
  return context;
}

// JWS carries r and s as two numbers of fixed width (RFC 7518 3.4), OpenSSL wants DER.
std::string ecdsa_signature_to_der(std::string_view signature) {
  const std::size_t half = signature.size() / 2;
  EcdsaSignaturePtr pair(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(octets(signature), static_cast<int>(half), nullptr);
  BIGNUM* s = BN_bin2bn(octets(signature.substr(half)), static_cast<int>(half), nullptr);
  PW_CHECK(pair != nullptr && ECDSA_SIG_set0(pair.get(), r, s) == 1);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  PW_CHECK(size > 0);
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

Result<std::uint16_t> algorithms_of_rsa(evp_pkey_st* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < kMinRsaBits || bits > kMaxRsaBits) {
    return fail(fmt::format("an RSA key of {} bits: {} to {} are accepted", bits, kMinRsaBits, kMaxRsaBits));
  }
  return kRsaAlgorithms;
}

Result<std::uint16_t> algorithms_of_ec(evp_pkey_st* key) {
  std::array<char, 64> group{};
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) != 1) {
    return fail("an EC key without a named curve: P-256 and P-384 are accepted");
  }
  const std::string_view name(group.data(), size);
  if (name == "prime256v1") {
    return bit_of(JwtAlgorithm::kEs256);
  }
  if (name == "secp384r1") {
    return bit_of(JwtAlgorithm::kEs384);
  }
  return fail(fmt::format("an EC key on the curve {}: P-256 and P-384 are accepted", name));
}

Result<std::uint16_t> algorithms_of(evp_pkey_st* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      return algorithms_of_rsa(key);
    case EVP_PKEY_EC:
      return algorithms_of_ec(key);
    case EVP_PKEY_ED25519:
      return bit_of(JwtAlgorithm::kEdDsa);
    default:
      return fail("this kind of key is not supported: RSA, EC (P-256, P-384) and Ed25519 are");
  }
}

// RSA: odd exponent, no small factors. EC: the point is on the curve.
bool is_sound(evp_pkey_st* key) {
  using PkeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return context != nullptr && EVP_PKEY_public_check(context.get()) == 1;
}

}  // namespace

void PkeyDeleter::operator()(evp_pkey_st* key) const noexcept {
  EVP_PKEY_free(key);
}
void MacContextDeleter::operator()(evp_mac_ctx_st* context) const noexcept {
  EVP_MAC_CTX_free(context);
}

std::optional<JwtAlgorithm> find_jwt_algorithm(std::string_view name) noexcept {
  const auto found = std::ranges::find(kAlgorithms, name, &AlgorithmFacts::name);
  if (found == kAlgorithms.end()) {
    return std::nullopt;
  }
  return static_cast<JwtAlgorithm>(found - kAlgorithms.begin());
}

// RFC 7518 3.2 wants a key as long as the hash for HS384 and HS512. We do not: 256 random bits are out of reach for
// anybody, and operators have one secret for whichever of the three their issuer uses.
Result<JwtKey> JwtKey::from_secret(std::string_view secret) {
  if (secret.size() < kMinSecretBytes) {
    return fail(fmt::format("the secret has {} bytes, at least {} are needed (make one with: openssl rand -hex 32)",
                            secret.size(), kMinSecretBytes));
  }
  const ErrorQueueCleaner cleaner;
  const MacPtr mac(EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr));
  PW_CHECK(mac != nullptr);
  JwtKey key;
  key.permitted_ = kMacAlgorithms;
  for (std::size_t i = 0; i < key.macs_.size(); ++i) {
    key.macs_[i] = make_mac_context(mac.get(), secret, kAlgorithms[i].digest);
  }
  return key;
}

Result<JwtKey> JwtKey::from_public_key(PkeyPtr pkey) {
  const ErrorQueueCleaner cleaner;
  const Result<std::uint16_t> permitted = algorithms_of(pkey.get());
  if (!permitted) {
    return tl::unexpected(permitted.error());
  }
  if (!is_sound(pkey.get())) {
    return fail("its numbers are not those of a valid key");
  }
  JwtKey key;
  key.permitted_ = *permitted;
  key.public_key_ = std::move(pkey);
  return key;
}

Result<JwtKey> JwtKey::from_pem(std::string_view pem) {
  const ErrorQueueCleaner cleaner;
  constexpr std::string_view kBegin = "-----BEGIN ";
  const std::size_t begin = pem.find(kBegin);
  if (begin == std::string_view::npos) {
    return fail("no PEM block in it: a public key begins with \"-----BEGIN PUBLIC KEY-----\"");
  }
  if (pem.find(kBegin, begin + 1) != std::string_view::npos) {
    return fail("more than one PEM block in it: give one public key here, several in a JWKS file");
  }
  const std::string_view label = pem.substr(begin, pem.find('\n', begin) - begin);
  if (label.find("PRIVATE KEY") != std::string_view::npos) {
    return fail("a private key: only the public half belongs here (openssl pkey -in KEY -pubout)");
  }
  if (label.find("CERTIFICATE") != std::string_view::npos) {
    return fail("a certificate: take the public key out of it (openssl x509 -in CERT -noout -pubkey)");
  }
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  PW_CHECK(bio != nullptr);
  PkeyPtr key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  if (key == nullptr) {
    return fail("the PEM block cannot be read as a public key");
  }
  return from_public_key(std::move(key));
}

Result<JwtKey> JwtKey::restricted_to(JwtAlgorithm algorithm) && {
  if (!permits(algorithm)) {
    return fail(fmt::format("alg {} does not fit this kind of key", facts_of(algorithm).name));
  }
  permitted_ = bit_of(algorithm);
  return std::move(*this);
}

JwtKey JwtKey::with_id(std::string id) && {
  id_ = std::move(id);
  return std::move(*this);
}

bool JwtKey::permits(JwtAlgorithm algorithm) const noexcept {
  return (permitted_ & bit_of(algorithm)) != 0;
}

bool JwtKey::verify(JwtAlgorithm algorithm, std::string_view input, std::string_view signature) const {
  const AlgorithmFacts& facts = facts_of(algorithm);
  if (!permits(algorithm) || (facts.signature_bytes != 0 && signature.size() != facts.signature_bytes)) {
    return false;
  }
  return facts.family == Family::kMac ? verify_mac(algorithm, input, signature)
                                      : verify_public(algorithm, input, signature);
}

bool JwtKey::verify_mac(JwtAlgorithm algorithm, std::string_view input, std::string_view signature) const {
  const MacContextPtr context(EVP_MAC_CTX_dup(macs_[static_cast<std::size_t>(algorithm)].get()));
  PW_CHECK(context != nullptr);
  std::array<unsigned char, 64> expected{};
  std::size_t size = 0;
  const bool done = EVP_MAC_update(context.get(), octets(input), input.size()) == 1 &&
                    EVP_MAC_final(context.get(), expected.data(), &size, expected.size()) == 1;
  PW_CHECK(done && size == signature.size());
  return CRYPTO_memcmp(expected.data(), signature.data(), size) == 0;  // constant time
}

bool JwtKey::verify_public(JwtAlgorithm algorithm, std::string_view input, std::string_view signature) const {
  const ErrorQueueCleaner cleaner;
  const AlgorithmFacts& facts = facts_of(algorithm);
  std::string der;
  if (facts.family == Family::kEcdsa) {
    der = ecdsa_signature_to_der(signature);
    signature = der;
  }
  const DigestContextPtr context(EVP_MD_CTX_new());
  PW_CHECK(context != nullptr);
  // RSA: PKCS #1 v1.5 is the default padding of EVP_DigestVerify, the one that RS256 to RS512 name (RFC 7518 3.3).
  return EVP_DigestVerifyInit_ex(context.get(), nullptr, facts.digest, nullptr, nullptr, public_key_.get(), nullptr) ==
             1 &&
         EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(input), input.size()) == 1;
}

}  // namespace pushwire::session
