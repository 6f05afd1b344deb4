#include "session/jwks.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/check.h"
#include "base/utf8.h"
#include "session/jwt_json.h"

namespace pushwire::session {
namespace {

using boost::json::object;

// Larger than any number that an accepted key holds (8192 bits), checked before OpenSSL computes with it.
constexpr std::size_t kMaxNumberBytes = kMaxRsaBits / 8 + 1;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const noexcept {
    Free(pointer);
  }
};
using NumberPtr = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using BuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;
using PkeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Empty when the member is missing; an error when it is there and no string.
Result<std::optional<std::string_view>> text_member(const object& key, std::string_view name) {
  const auto* value = key.if_contains(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  const auto* text = value->if_string();
  if (text == nullptr) {
    return fail(fmt::format("\"{}\" must be a string", name));
  }
  return std::string_view(text->data(), text->size());
}

Result<std::string> bytes_member(const object& key, std::string_view name) {
  const auto text = text_member(key, name);
  if (!text) {
    return tl::unexpected(text.error());
  }
  if (!text->has_value()) {
    return fail(fmt::format("\"{}\" is missing", name));
  }
  std::optional<std::string> bytes = base64url_decode(**text);
  if (!bytes || bytes->empty()) {
    return fail(fmt::format("\"{}\" is not base64url without padding", name));
  }
  if (bytes->size() > kMaxNumberBytes) {
    return fail(fmt::format("\"{}\" is too long", name));
  }
  return std::move(*bytes);
}

Result<JwtKey> build_key(const char* type, OSSL_PARAM_BLD* builder) {
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder));
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  PW_CHECK(params != nullptr && context != nullptr);
  EVP_PKEY* key = nullptr;
  const bool built = EVP_PKEY_fromdata_init(context.get()) == 1 &&
                     EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) == 1;
  PkeyPtr owned(key);
  ERR_clear_error();
  if (!built) {
    return fail("its numbers are not those of a valid key");
  }
  return JwtKey::from_public_key(std::move(owned));
}

// RFC 7518 6.3.1.
Result<JwtKey> rsa_key(const object& jwk) {
  const Result<std::string> modulus = bytes_member(jwk, "n");
  if (!modulus) {
    return tl::unexpected(modulus.error());
  }
  const Result<std::string> exponent = bytes_member(jwk, "e");
  if (!exponent) {
    return tl::unexpected(exponent.error());
  }
  if (exponent->size() > 8) {
    return fail("\"e\" is too long");  // its length is what a forged token costs
  }
  const NumberPtr n(BN_bin2bn(octets(*modulus), static_cast<int>(modulus->size()), nullptr));
  const NumberPtr e(BN_bin2bn(octets(*exponent), static_cast<int>(exponent->size()), nullptr));
  const BuilderPtr builder(OSSL_PARAM_BLD_new());
  PW_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1);
  PW_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  return build_key("RSA", builder.get());
}

struct Curve {
  std::string_view name;
  const char* group;
  std::size_t coordinate_bytes;
};
constexpr std::array<Curve, 2> kCurves{{{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}}};

// RFC 7518 6.2.1: coordinates have the full width of the curve.
Result<JwtKey> ec_key(const object& jwk, const Curve& curve) {
  const Result<std::string> x = bytes_member(jwk, "x");
  if (!x) {
    return tl::unexpected(x.error());
  }
  const Result<std::string> y = bytes_member(jwk, "y");
  if (!y) {
    return tl::unexpected(y.error());
  }
  if (x->size() != curve.coordinate_bytes || y->size() != curve.coordinate_bytes) {
    return fail(fmt::format("\"x\" and \"y\" must have {} bytes each", curve.coordinate_bytes));
  }
  const std::string point = '\x04' + *x + *y;
  const BuilderPtr builder(OSSL_PARAM_BLD_new());
  PW_CHECK(OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0) == 1);
  PW_CHECK(OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1);
  return build_key("EC", builder.get());
}

// RFC 8037 2.
Result<JwtKey> ed25519_key(const object& jwk) {
  const Result<std::string> x = bytes_member(jwk, "x");
  if (!x) {
    return tl::unexpected(x.error());
  }
  PkeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(*x), x->size()));
  ERR_clear_error();
  if (key == nullptr) {
    return fail("\"x\" must have 32 bytes");
  }
  return JwtKey::from_public_key(std::move(key));
}

Result<JwtKey> oct_key(const object& jwk) {
  const Result<std::string> secret = bytes_member(jwk, "k");
  if (!secret) {
    return tl::unexpected(secret.error());
  }
  return JwtKey::from_secret(*secret);
}

// The members that decide what a key is for.
struct Purpose {
  std::string_view kty;
  std::string_view crv;
  std::optional<std::string_view> kid;
  std::optional<JwtAlgorithm> algorithm;
};

struct Skip {
  std::string reason;
};
using Reading = Result<tl::expected<Purpose, Skip>>;

Reading skip(std::string reason) {
  return tl::expected<Purpose, Skip>(tl::unexpected(Skip{std::move(reason)}));
}

// RFC 7517 4.3: what the key may do, when it says so.
bool operations_allow_verify(const object& jwk) {
  const auto* operations = jwk.if_contains("key_ops");
  if (operations == nullptr || !operations->is_array()) {
    return operations == nullptr;
  }
  return std::ranges::any_of(operations->get_array(), [](const boost::json::value& operation) {
    return operation.is_string() && operation.get_string() == "verify";
  });
}

// The members that are text, each checked to be text.
struct TextMembers {
  std::array<std::optional<std::string_view>, 5> values;
};
constexpr std::array<std::string_view, 5> kTextMembers{"kty", "use", "alg", "kid", "crv"};

Result<TextMembers> read_text_members(const object& jwk) {
  TextMembers out;
  for (std::size_t i = 0; i < kTextMembers.size(); ++i) {
    const auto member = text_member(jwk, kTextMembers[i]);
    if (!member) {
      return tl::unexpected(member.error());
    }
    out.values[i] = *member;
  }
  return out;
}

Reading read_purpose(const object& jwk) {
  const Result<TextMembers> members = read_text_members(jwk);
  if (!members) {
    return tl::unexpected(members.error());
  }
  const auto& [kty, use, alg, kid, crv] = members->values;
  if (!kty) {
    return fail("\"kty\" is missing");
  }
  if (use.value_or("sig") != "sig" || !operations_allow_verify(jwk)) {
    return skip("it is not for signatures");
  }
  Purpose purpose{*kty, crv.value_or(""), kid, std::nullopt};
  if (alg) {
    purpose.algorithm = find_jwt_algorithm(*alg);
    if (!purpose.algorithm) {
      return skip("its alg is not supported");
    }
  }
  if (*kty == "EC" && std::ranges::find(kCurves, purpose.crv, &Curve::name) == kCurves.end()) {
    return crv ? skip("its curve is not supported: P-256 and P-384 are") : Reading(fail("\"crv\" is missing"));
  }
  if (*kty == "OKP" && purpose.crv != "Ed25519") {
    return crv ? skip("its curve is not supported: Ed25519 is") : Reading(fail("\"crv\" is missing"));
  }
  if (*kty != "EC" && *kty != "OKP" && *kty != "RSA" && *kty != "oct") {
    return skip("its kty is not supported: RSA, EC, OKP and oct are");
  }
  return tl::expected<Purpose, Skip>(purpose);
}

Result<JwtKey> make_key(const object& jwk, const Purpose& purpose) {
  Result<JwtKey> key = purpose.kty == "RSA"   ? rsa_key(jwk)
                       : purpose.kty == "OKP" ? ed25519_key(jwk)
                       : purpose.kty == "oct" ? oct_key(jwk)
                                              : ec_key(jwk, *std::ranges::find(kCurves, purpose.crv, &Curve::name));
  if (key && purpose.algorithm) {
    key = std::move(*key).restricted_to(*purpose.algorithm);
  }
  if (key && purpose.kid) {
    key = std::move(*key).with_id(std::string(*purpose.kid));
  }
  return key;
}

// "keys[3] (kid \"a\")", with a kid only where it can be printed as it is.
std::string place_of(std::size_t index, const object& jwk) {
  const auto kid = text_member(jwk, "kid");
  const bool printable = kid && kid->has_value() && (*kid)->size() <= 64 &&
                         std::ranges::all_of(**kid, [](char c) { return c >= ' ' && c <= '~'; });
  return printable ? fmt::format("keys[{}] (kid \"{}\")", index, **kid) : fmt::format("keys[{}]", index);
}

Result<> add_key(const object& jwk, const std::string& place, Jwks& jwks) {
  const Reading reading = read_purpose(jwk);
  if (!reading) {
    return fail(fmt::format("{}: {}", place, reading.error().message));
  }
  jwks.has_secrets = jwks.has_secrets || jwk.contains("d") || jwk.contains("k");
  if (!*reading) {
    jwks.notes.push_back(fmt::format("{}: skipped: {}", place, reading->error().reason));
    return {};
  }
  Result<JwtKey> key = make_key(jwk, **reading);
  if (!key) {
    return fail(fmt::format("{}: {}", place, key.error().message));
  }
  jwks.keys.push_back(std::move(*key));
  return {};
}

}  // namespace

Result<Jwks> parse_jwks(std::string_view text) {
  const std::optional<object> root = parse_strict_object(text);
  if (!root) {
    return fail("not a JSON object, or a member is in it twice");
  }
  const auto* list = root->if_contains("keys");
  if (list == nullptr || !list->is_array()) {
    return fail("no \"keys\" array in it (RFC 7517 5)");
  }
  if (list->get_array().size() > kMaxJwksKeys) {
    return fail(fmt::format("{} keys in it, at most {} are accepted", list->get_array().size(), kMaxJwksKeys));
  }
  Jwks jwks;
  for (std::size_t i = 0; i < list->get_array().size(); ++i) {
    const object* jwk = list->get_array()[i].if_object();
    if (jwk == nullptr) {
      return fail(fmt::format("keys[{}]: not an object", i));
    }
    const Result<> added = add_key(*jwk, place_of(i, *jwk), jwks);
    if (!added) {
      return tl::unexpected(added.error());
    }
  }
  return jwks;
}

}  // namespace pushwire::session
