#include "base/digest.h"

#include <openssl/sha.h>

namespace pushwire {

Digest digest_of(std::string_view text) noexcept {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> whole;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), whole.data());
  Digest digest;
  std::memcpy(digest.bytes.data(), whole.data(), digest.bytes.size());
  return digest;
}

}  // namespace pushwire
