#include "session/authenticator.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "protocol/names.h"

namespace pushwire::session {
namespace {

tl::unexpected<TokenError> refuse(TokenFault fault, std::string_view text) {
  return tl::unexpected<TokenError>(TokenError{fault, text});
}

// RFC 6750 2.1 and RFC 7235 2.1: the scheme in any case, then at least one space. Empty for another scheme.
std::optional<std::string_view> bearer_token(std::string_view header) {
  constexpr std::string_view kScheme = "bearer";
  const auto same = [](char left, char right) { return left == ((right >= 'A' && right <= 'Z') ? right + 32 : right); };
  if (header.size() < kScheme.size() || !std::equal(kScheme.begin(), kScheme.end(), header.begin(), same)) {
    return std::nullopt;
  }
  header.remove_prefix(kScheme.size());
  if (!header.empty() && header.front() != ' ') {
    return std::nullopt;
  }
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  return header;
}

std::string_view pick_token(const Credentials& credentials) {
  const auto header = credentials.authorization ? bearer_token(*credentials.authorization) : std::nullopt;
  if (header) {
    return *header;
  }
  return credentials.subprotocol_token ? *credentials.subprotocol_token : credentials.query_token.value_or("");
}

Result<Identity, TokenError> believe(std::optional<std::string_view> user) {
  if (!user || user->empty()) {
    return refuse(TokenFault::kUserMissing, "say who you are with ?user=ID");
  }
  if (!protocol::is_valid_user_id(*user)) {
    return refuse(TokenFault::kUserInvalid, "the user id must be 1 to 128 bytes of UTF-8 without control characters");
  }
  return Identity{std::string(*user), 0, {"*"}};
}

}  // namespace

Authenticator Authenticator::with_tokens(std::shared_ptr<const KeySet> keys, TokenPolicy policy) {
  PW_CHECK(keys != nullptr);
  Authenticator authenticator;
  authenticator.keys_ = std::move(keys);
  authenticator.policy_ = std::move(policy);
  return authenticator;
}

Authenticator Authenticator::for_development() {
  Authenticator authenticator;
  authenticator.development_ = true;
  return authenticator;
}

Result<Identity, TokenError> Authenticator::authenticate(const Credentials& credentials, std::int64_t now_s) const {
  if (is_development()) {
    return believe(credentials.query_user);
  }
  if (keys_ == nullptr) {
    return refuse(TokenFault::kTokenInvalid, "this node has no keys to check tokens with");
  }
  return verify_token(pick_token(credentials), *keys_, policy_, now_s);
}

}  // namespace pushwire::session
