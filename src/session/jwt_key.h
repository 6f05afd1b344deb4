// JwtKey: one key that tokens are verified with. It carries the algorithms it may be used for, so that a token cannot
// choose how its key is used (RFC 8725 3.1: an RSA key never becomes an HMAC secret).
// Immutable after it is built; verify() may run in any number of threads at once. No PEM is parsed and no key schedule
// made per token: the EVP_PKEY or the keyed HMAC state is ready (docs/adr/0009-jwt-library.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;     // OpenSSL's EVP_PKEY
struct evp_mac_ctx_st;  // OpenSSL's EVP_MAC_CTX

namespace pushwire::session {

// RFC 7518 3.1 and RFC 8037 3.1: what we verify. `none` has no value here.
enum class JwtAlgorithm : std::uint8_t { kHs256, kHs384, kHs512, kRs256, kRs384, kRs512, kEs256, kEs384, kEdDsa };
inline constexpr std::size_t kJwtAlgorithmCount = 9;

// Exact spelling only; empty for everything else.
std::optional<JwtAlgorithm> find_jwt_algorithm(std::string_view name) noexcept;

struct PkeyDeleter {
  void operator()(evp_pkey_st* key) const noexcept;
};
using PkeyPtr = std::unique_ptr<evp_pkey_st, PkeyDeleter>;

struct MacContextDeleter {
  void operator()(evp_mac_ctx_st* context) const noexcept;
};
using MacContextPtr = std::unique_ptr<evp_mac_ctx_st, MacContextDeleter>;

inline constexpr std::size_t kMinSecretBytes = 32;
inline constexpr int kMinRsaBits = 2048;
inline constexpr int kMaxRsaBits = 8192;  // beyond it one forged token costs a worker too much time

class JwtKey {
 public:
  // HS256, HS384, HS512. At least 32 bytes.
  static Result<JwtKey> from_secret(std::string_view secret);
  // RS256/384/512 for RSA, ES256 for P-256, ES384 for P-384, EdDSA for Ed25519; any other or weak key is refused.
  static Result<JwtKey> from_public_key(PkeyPtr key);
  // One "PUBLIC KEY" block.
  static Result<JwtKey> from_pem(std::string_view pem);

  // The same key for `algorithm` alone (JWK member "alg"). Fails when the kind of key does not fit it.
  Result<JwtKey> restricted_to(JwtAlgorithm algorithm) &&;
  JwtKey with_id(std::string id) &&;

  // JWK member "kid"; empty when it has none.
  const std::string& id() const noexcept { return id_; }
  bool permits(JwtAlgorithm algorithm) const noexcept;
  // False for a bad signature and for an algorithm that this key does not permit.
  bool verify(JwtAlgorithm algorithm, std::string_view input, std::string_view signature) const;

 private:
  JwtKey() = default;
  bool verify_mac(JwtAlgorithm algorithm, std::string_view input, std::string_view signature) const;
  bool verify_public(JwtAlgorithm algorithm, std::string_view input, std::string_view signature) const;

  std::string id_;
  std::uint16_t permitted_ = 0;  // one bit per JwtAlgorithm
  PkeyPtr public_key_;
  std::array<MacContextPtr, 3> macs_;  // keyed and never fed: copied for each token
};

}  // namespace pushwire::session
