// Makes tokens: what `pushwire token` prints, HS256 with the configured secret. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "session/jwt.h"

namespace pushwire::session {

struct TokenRequest {
  std::string user;
  std::int64_t ttl_s = 3600;
  std::vector<std::string> topics;  // none: the claim is left out
};

// A token that verify_token() accepts with the same secret and `policy`, whose issuer and audience go in when set.
// Fails when the user id, a topic pattern, the ttl or the secret is not valid.
Result<std::string> sign_token(std::string_view secret, const TokenRequest& request, const TokenPolicy& policy,
                               std::int64_t now_s);

}  // namespace pushwire::session
