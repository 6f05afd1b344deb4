#include "session/jwt_sign.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/base64.h"
#include "base/check.h"
#include "protocol/names.h"

namespace pushwire::session {
namespace {

constexpr std::int64_t kMaxTtlSeconds = std::int64_t{100} * 365 * 86400;

Result<> check_request(const TokenRequest& request, const TokenPolicy& policy) {
  if (!protocol::is_valid_user_id(request.user)) {
    return fail("the user id must be 1 to 128 bytes of UTF-8 without control characters");
  }
  if (request.ttl_s < 1 || request.ttl_s > kMaxTtlSeconds) {
    return fail("the token must live for one second to 100 years");
  }
  if (request.topics.size() > kMaxTokenTopics) {
    return fail(fmt::format("a token holds at most {} topic patterns", kMaxTokenTopics));
  }
  for (const std::string& topic : request.topics) {
    if (!protocol::is_valid_topic_pattern(topic)) {
      return fail(fmt::format("\"{}\" is not a topic pattern: A-Z a-z 0-9 . _ : - / and a final *", topic));
    }
  }
  return check_policy(policy);
}

boost::json::object make_claims(const TokenRequest& request, const TokenPolicy& policy, std::int64_t now_s) {
  boost::json::object claims;
  claims[policy.user_claim] = request.user;
  if (!policy.issuer.empty()) {
    claims["iss"] = policy.issuer;
  }
  if (!policy.audience.empty()) {
    claims["aud"] = policy.audience;
  }
  claims["iat"] = now_s;
  claims["exp"] = now_s + request.ttl_s;
  if (!request.topics.empty()) {
    boost::json::array topics;
    for (const std::string& topic : request.topics) {
      topics.emplace_back(topic);
    }
    claims["topics"] = std::move(topics);
  }
  return claims;
}

}  // namespace

Result<std::string> sign_token(std::string_view secret, const TokenRequest& request, const TokenPolicy& policy,
                               std::int64_t now_s) {
  if (secret.size() < kMinSecretBytes) {
    return fail(fmt::format("the secret needs at least {} bytes", kMinSecretBytes));
  }
  const Result<> checked = check_request(request, policy);
  if (!checked) {
    return tl::unexpected(checked.error());
  }
  std::string token = base64url_encode(R"({"alg":"HS256","typ":"JWT"})");
  token += '.';
  token += base64url_encode(boost::json::serialize(make_claims(request, policy, now_s)));
  if (token.size() + 44 > kMaxTokenBytes) {
    return fail(fmt::format("the token would be longer than {} bytes: give fewer topic patterns", kMaxTokenBytes));
  }
  std::array<unsigned char, 32> mac{};
  unsigned int size = 0;
  const auto* done = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                          reinterpret_cast<const unsigned char*>(token.data()), token.size(), mac.data(), &size);
  PW_CHECK(done != nullptr && size == mac.size());
  return token + '.' + base64url_encode({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

}  // namespace pushwire::session
