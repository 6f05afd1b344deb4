#include "session/jwt.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "protocol/names.h"
#include "session/jwt_json.h"

namespace pushwire::session {
namespace {

using boost::json::object;
using boost::json::value;

constexpr double kYear9999 = 253402300799.0;  // later times mean the same and must fit an integer

tl::unexpected<TokenError> refuse(std::string_view text, TokenFault fault = TokenFault::kTokenInvalid) {
  return tl::unexpected<TokenError>(TokenError{fault, text});
}

using Checked = Result<void, TokenError>;

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_input;  // header.payload
};

std::optional<Parts> split(std::string_view token) {
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
               token.substr(0, second)};
}

std::optional<std::string_view> text_of(const value& member) {
  const auto* text = member.if_string();
  return text == nullptr ? std::nullopt : std::optional<std::string_view>({text->data(), text->size()});
}

struct Header {
  JwtAlgorithm algorithm = JwtAlgorithm::kHs256;
  std::string kid;  // empty: none
};

// RFC 7515 4.1. `typ` and the key URLs (jku, x5u, jwk, x5c) have no say in what is believed.
Result<Header, TokenError> read_header(std::string_view part) {
  const std::optional<std::string> text = base64url_decode(part);
  std::array<unsigned char, 1024> buffer;  // NOLINT: filled by the parser
  boost::json::monotonic_resource memory(buffer.data(), buffer.size());
  const std::optional<object> header = text ? parse_strict_object(*text, &memory) : std::nullopt;
  if (!header) {
    return refuse("the token's header is not valid");
  }
  if (header->contains("crit")) {
    return refuse("the token demands an extension (crit) that is not supported");
  }
  const value* alg = header->if_contains("alg");
  const std::optional<std::string_view> name = alg == nullptr ? std::nullopt : text_of(*alg);
  const std::optional<JwtAlgorithm> algorithm = name ? find_jwt_algorithm(*name) : std::nullopt;
  if (!algorithm) {
    return refuse("the token's alg is not supported");
  }
  Header out{*algorithm, {}};
  if (const value* kid = header->if_contains("kid")) {
    const std::optional<std::string_view> id = text_of(*kid);
    if (!id) {
      return refuse("the token's kid is not a string");
    }
    out.kid = *id;
  }
  return out;
}

// RFC 7519 2, NumericDate: whole or fractional seconds. Inner empty: there is none; outer empty: it is no finite
// number.
using Date = std::optional<double>;

std::optional<Date> date_claim(const object& claims, std::string_view name) {
  const value* member = claims.if_contains(name);
  if (member == nullptr) {
    return Date{};
  }
  boost::json::error_code error;
  const double seconds = member->to_number<double>(error);
  return error || !std::isfinite(seconds) ? std::nullopt : std::optional<Date>(seconds);
}

// The second when the connection has to end, 0 for never.
Result<std::int64_t, TokenError> check_times(const object& claims, const TokenPolicy& policy, std::int64_t now_s) {
  const std::optional<Date> expires = date_claim(claims, "exp");
  const std::optional<Date> starts = date_claim(claims, "nbf");
  const std::optional<Date> issued = date_claim(claims, "iat");
  if (!expires || !starts || !issued) {
    return refuse("a time in the token (exp, nbf, iat) is not a number");
  }
  const auto now = static_cast<double>(now_s);
  const auto leeway = static_cast<double>(policy.leeway_s);
  if (*starts && now < **starts - leeway) {
    return refuse("the token is not valid yet");
  }
  if (!*expires) {
    return policy.require_exp ? Result<std::int64_t, TokenError>(refuse("the token has no exp")) : 0;
  }
  const double end = **expires + leeway;
  if (now >= end) {
    return refuse("the token has expired", TokenFault::kTokenExpired);
  }
  // Never 0, which means never: a fraction of the first second of 1970 is no time that anybody is connected in.
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::min(end, kYear9999)));
}

Checked check_issuer(const object& claims, const TokenPolicy& policy) {
  const value* issuer = claims.if_contains("iss");
  if (issuer != nullptr && !issuer->is_string()) {
    return refuse("the token's iss is not a string");
  }
  if (!policy.issuer.empty() && (issuer == nullptr || text_of(*issuer) != policy.issuer)) {
    return refuse("the token is from another issuer");
  }
  return {};
}

// RFC 7519 4.1.3: one string or an array of strings.
Checked check_audience(const object& claims, const TokenPolicy& policy) {
  const value* audience = claims.if_contains("aud");
  bool found = false;
  if (audience != nullptr && audience->is_array()) {
    for (const value& item : audience->get_array()) {
      if (!item.is_string()) {
        return refuse("the token's aud holds something that is not a string");
      }
      found = found || text_of(item) == policy.audience;
    }
  } else if (audience != nullptr) {
    if (!audience->is_string()) {
      return refuse("the token's aud is neither a string nor an array");
    }
    found = text_of(*audience) == policy.audience;
  }
  if (!policy.audience.empty() && !found) {
    return refuse("the token is for another audience");
  }
  return {};
}

Result<std::string, TokenError> read_user(const object& claims, const TokenPolicy& policy) {
  const value* member = claims.if_contains(policy.user_claim);
  const std::optional<std::string_view> user = member == nullptr ? std::nullopt : text_of(*member);
  if (!user) {
    return refuse("the token names no user");
  }
  if (!protocol::is_valid_user_id(*user)) {
    return refuse("the token's user is not a valid user id");
  }
  return std::string(*user);
}

Result<std::vector<std::string>, TokenError> read_topics(const object& claims) {
  std::vector<std::string> topics;
  const value* member = claims.if_contains("topics");
  if (member == nullptr) {
    return topics;
  }
  if (!member->is_array() || member->get_array().size() > kMaxTokenTopics) {
    return refuse("the token's topics are not an array of at most 256");
  }
  topics.reserve(member->get_array().size());
  for (const value& item : member->get_array()) {
    const std::optional<std::string_view> pattern = text_of(item);
    if (!pattern || !protocol::is_valid_topic_pattern(*pattern)) {
      return refuse("the token's topics hold something that is not a topic pattern");
    }
    topics.emplace_back(*pattern);
  }
  return topics;
}

Result<Identity, TokenError> read_claims(const object& claims, const TokenPolicy& policy, std::int64_t now_s) {
  Identity identity;
  const Checked issuer = check_issuer(claims, policy);
  const Checked audience = issuer ? check_audience(claims, policy) : issuer;
  if (!audience) {
    return tl::unexpected(audience.error());
  }
  Result<std::string, TokenError> user = read_user(claims, policy);
  if (!user) {
    return tl::unexpected(user.error());
  }
  Result<std::vector<std::string>, TokenError> topics = read_topics(claims);
  if (!topics) {
    return tl::unexpected(topics.error());
  }
  const Result<std::int64_t, TokenError> expires_at = check_times(claims, policy, now_s);
  if (!expires_at) {
    return tl::unexpected(expires_at.error());
  }
  return Identity{std::move(*user), *expires_at, std::move(*topics)};
}

}  // namespace

Result<> check_policy(const TokenPolicy& policy) {
  constexpr std::array<std::string_view, 6> kTaken{"exp", "nbf", "iat", "iss", "aud", "topics"};
  if (policy.user_claim.empty() || std::ranges::find(kTaken, policy.user_claim) != kTaken.end()) {
    return fail(fmt::format("auth.user_claim: \"{}\" cannot name the user: take sub or a claim of your own",
                            policy.user_claim));
  }
  return {};
}

Result<Identity, TokenError> verify_token(std::string_view token, const KeySet& keys, const TokenPolicy& policy,
                                          std::int64_t now_s) {
  if (token.empty()) {
    return refuse("a token is needed", TokenFault::kTokenMissing);
  }
  if (token.size() > kMaxTokenBytes) {
    return refuse("the token is too long");
  }
  const std::optional<Parts> parts = split(token);
  if (!parts) {
    return refuse("the token is not of the form header.payload.signature");
  }
  const Result<Header, TokenError> header = read_header(parts->header);
  if (!header) {
    return tl::unexpected(header.error());
  }
  const std::optional<std::string> signature = base64url_decode(parts->signature);
  if (!signature || !keys.verify(header->kid, header->algorithm, parts->signed_input, *signature)) {
    return refuse("the token's signature is not valid");
  }
  const std::optional<std::string> text = base64url_decode(parts->payload);
  std::array<unsigned char, 4096> buffer;  // NOLINT: filled by the parser
  boost::json::monotonic_resource memory(buffer.data(), buffer.size());
  const std::optional<object> claims = text ? parse_strict_object(*text, &memory) : std::nullopt;
  if (!claims) {
    return refuse("the token's claims are not valid");
  }
  return read_claims(*claims, policy, now_s);
}

}  // namespace pushwire::session
