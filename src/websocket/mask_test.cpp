#include "websocket/mask.h"

#include <gtest/gtest.h>

#include <string>

namespace pushwire::websocket {
namespace {

constexpr MaskKey kKey = {'\x01', '\x20', '\xff', '\x84'};

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<char>(i * 7 + 3);
  }
  return bytes;
}

std::string masked_by_definition(std::string bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(bytes[i] ^ kKey[i % 4]);
  }
  return bytes;
}

TEST(Mask, EqualsTheDefinitionForEveryLengthAndAlignment) {
  for (std::size_t size = 0; size <= 70; ++size) {
    for (std::size_t offset = 0; offset < 8; ++offset) {
      std::string memory = std::string(offset, '!') + pattern(size) + "!";
      (void)unmask(std::span(memory).subspan(offset, size), kKey);
      EXPECT_EQ(memory, std::string(offset, '!') + masked_by_definition(pattern(size)) + "!");
    }
  }
}

TEST(Mask, PiecesContinueWithTheTurnedKey) {
  constexpr std::size_t kSize = 40;
  for (std::size_t first = 0; first <= kSize; ++first) {
    for (std::size_t second = first; second <= kSize; ++second) {
      std::string bytes = pattern(kSize);
      const std::span<char> all(bytes);
      MaskKey key = unmask(all.first(first), kKey);
      key = unmask(all.subspan(first, second - first), key);
      (void)unmask(all.subspan(second), key);
      EXPECT_EQ(bytes, masked_by_definition(pattern(kSize))) << first << " " << second;
    }
  }
}

}  // namespace
}  // namespace pushwire::websocket
