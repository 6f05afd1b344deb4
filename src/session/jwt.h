// JSON Web Tokens (RFC 7519) in compact form: who somebody is, believed because of a signature.
// Pure functions, any thread: the time comes in as an argument. No token, and no part of one, is ever logged or put
// into an error, and what is wrong with the claims is only said of a token whose signature is right.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "session/key_set.h"

namespace pushwire::session {

inline constexpr std::size_t kMaxTokenBytes = std::size_t{8} * 1024;
inline constexpr std::size_t kMaxTokenTopics = 256;

struct TokenPolicy {
  std::string issuer;    // checked if set
  std::string audience;  // checked if set
  std::int64_t leeway_s = 30;
  std::string user_claim = "sub";
  bool require_exp = true;
};

// Says what is wrong with the policy itself: a user claim that has another meaning.
Result<> check_policy(const TokenPolicy& policy);

struct Identity {
  std::string user;
  std::int64_t expires_at = 0;      // seconds since 1970 when the connection ends (`exp` and leeway); 0: never
  std::vector<std::string> topics;  // patterns it may subscribe to, beside the configured ones
};

enum class TokenFault : std::uint8_t { kTokenMissing, kTokenInvalid, kTokenExpired, kUserMissing, kUserInvalid };

// The code of the refusal, for the answer and for the metric's `result`.
constexpr std::string_view code_of(TokenFault fault) {
  constexpr std::array<std::string_view, 5> kCodes{"token_missing", "token_invalid", "token_expired", "user_missing",
                                                   "user_invalid"};
  return kCodes[static_cast<std::size_t>(fault)];
}

struct TokenError {
  TokenFault fault = TokenFault::kTokenInvalid;
  std::string_view text;  // a literal that may be shown to the client
};

Result<Identity, TokenError> verify_token(std::string_view token, const KeySet& keys, const TokenPolicy& policy,
                                          std::int64_t now_s);

}  // namespace pushwire::session
