#include "websocket/mask.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pushwire::websocket {

MaskKey unmask(std::span<char> bytes, MaskKey key) noexcept {
  std::uint64_t wide;
  std::memcpy(&wide, key.data(), key.size());
  std::memcpy(reinterpret_cast<char*>(&wide) + key.size(), key.data(), key.size());

  char* const data = bytes.data();
  const std::size_t size = bytes.size();
  std::size_t at = 0;
  for (; at + sizeof wide <= size; at += sizeof wide) {
    std::uint64_t word;
    std::memcpy(&word, data + at, sizeof word);
    word ^= wide;
    std::memcpy(data + at, &word, sizeof word);
  }
  for (; at < size; ++at) {
    data[at] = static_cast<char>(data[at] ^ key[at % key.size()]);
  }

  MaskKey turned;
  for (std::size_t i = 0; i < key.size(); ++i) {
    turned[i] = key[(size + i) % key.size()];
  }
  return turned;
}

}  // namespace pushwire::websocket
