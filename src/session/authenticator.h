// Authenticator: decides who a client is from what its handshake carries, by JWT or, on loopback only, by its word.
// A value: each worker has its own copy, a reload sends each a new one. The keys inside are shared and immutable
// (docs/adr/0009-jwt-library.md).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "session/jwt.h"
#include "session/key_set.h"

namespace pushwire::session {

// What a handshake may carry, as views into the request. Empty optional: not there.
struct Credentials {
  std::optional<std::string_view> authorization = {};      // value of the Authorization header
  std::optional<std::string_view> subprotocol_token = {};  // T of the subprotocol "bearer.T"
  std::optional<std::string_view> query_token = {};        // ?token=
  std::optional<std::string_view> query_user = {};         // ?user=, decoded; looked at in dev mode only
};

class Authenticator {
 public:
  // Tokens only. Requires: keys is not null.
  static Authenticator with_tokens(std::shared_ptr<const KeySet> keys, TokenPolicy policy);
  // `?user=ID` is believed, tokens are not looked at, every topic is allowed. The caller has checked that all client
  // listeners are loopback.
  static Authenticator for_development();

  // The first token that is present counts, also when it is bad: header, subprotocol, query. An Authorization header of
  // another scheme than Bearer is no token.
  Result<Identity, TokenError> authenticate(const Credentials& credentials, std::int64_t now_s) const;

  // Lets nobody in.
  Authenticator() = default;
  bool is_development() const noexcept { return development_; }

 private:
  bool development_ = false;
  std::shared_ptr<const KeySet> keys_;  // null in dev mode
  TokenPolicy policy_;
};

}  // namespace pushwire::session
