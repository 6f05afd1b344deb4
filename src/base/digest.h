// Digest: 128 bits of SHA-256, to compare texts without keeping them. Nobody can make two texts with the same one.
// A value; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pushwire {

struct Digest {
  std::array<unsigned char, 16> bytes{};

  std::size_t hash() const noexcept {
    std::size_t value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  friend bool operator==(const Digest&, const Digest&) = default;
};

Digest digest_of(std::string_view text) noexcept;

}  // namespace pushwire
