// KeySet: every key that tokens may be signed with, from all configured sources together.
// Immutable after load_keys(), so workers share one as std::shared_ptr<const KeySet>: the snapshot that a reload swaps
// lives as long as the slowest worker needs it (docs/adr/0009-jwt-library.md).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "session/jwt_key.h"

namespace pushwire::session {

// Empty members are sources that are not there.
struct KeySources {
  std::string hmac_secret;       // the bytes themselves
  std::string hmac_secret_file;  // one line; the end of the line is not part of the secret
  std::string public_key_file;   // PEM
  std::string jwks_file;         // RFC 7517
};

class KeySet {
 public:
  KeySet(std::vector<JwtKey> keys, std::vector<std::string> notes) : keys_(std::move(keys)), notes_(std::move(notes)) {}

  // True when one of the keys that are in question made the signature. `kid` chooses when a key has that id. Otherwise
  // `algorithm` does: among all keys for a token without a kid, among keys without an id for a kid that nobody has.
  bool verify(std::string_view kid, JwtAlgorithm algorithm, std::string_view input, std::string_view signature) const;

  std::size_t size() const noexcept { return keys_.size(); }
  // What was skipped and why, for the log.
  const std::vector<std::string>& notes() const noexcept { return notes_; }

 private:
  std::vector<JwtKey> keys_;
  std::vector<std::string> notes_;
};

// Reads the files and checks every key. Errors name the file and what to do. No source at all is an error too.
Result<KeySet> load_keys(const KeySources& sources);

// The secret that `sources` name, for signing. Errors as load_keys().
Result<std::string> load_secret(const KeySources& sources);

}  // namespace pushwire::session
