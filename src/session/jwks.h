// A JSON Web Key Set (RFC 7517 5) read into keys for verification. Pure: text in, keys out. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "session/jwt_key.h"

namespace pushwire::session {

// A token without a `kid` may try every key that fits its `alg`, so the count bounds the time that one takes.
inline constexpr std::size_t kMaxJwksKeys = 32;

struct Jwks {
  std::vector<JwtKey> keys;
  bool has_secrets = false;        // an "oct" key or a private half is in it: others must not read the file
  std::vector<std::string> notes;  // "keys[2] (kid \"a\"): skipped: …", for the log
};

// Keys that are not for verifying signatures, or of a kind that we do not know, are skipped with a note, as RFC 7517 5
// wants it. A key of a known kind that is broken or weak is an error that names its index and kid.
Result<Jwks> parse_jwks(std::string_view text);

}  // namespace pushwire::session
