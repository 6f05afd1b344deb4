#include "base/hash.h"

#include <sys/random.h>

#include <bit>
#include <cstddef>
#include <cstring>

#include "base/check.h"

namespace pushwire {
namespace {

struct Key {
  std::uint64_t words[2];
};

Key random_key() noexcept {
  Key key;
  PW_CHECK(getrandom(key.words, sizeof key.words, 0) == sizeof key.words);
  return key;
}

struct State {
  std::uint64_t v0, v1, v2, v3;

  void rounds(int count) noexcept {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }
};

std::uint64_t load(const char* data, std::size_t size) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, data, size);  // little-endian machines only, as everything here
  return word;
}

}  // namespace

std::uint64_t siphash(std::string_view bytes, std::uint64_t key0, std::uint64_t key1, int c_rounds,
                      int d_rounds) noexcept {
  State state{key0 ^ 0x736f6d6570736575ULL, key1 ^ 0x646f72616e646f6dULL, key0 ^ 0x6c7967656e657261ULL,
              key1 ^ 0x7465646279746573ULL};
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    const std::uint64_t word = load(bytes.data() + at, 8);
    state.v3 ^= word;
    state.rounds(c_rounds);
    state.v0 ^= word;
  }
  const std::uint64_t last = (at < bytes.size() ? load(bytes.data() + at, bytes.size() - at) : 0) |
                             static_cast<std::uint64_t>(bytes.size()) << 56;
  state.v3 ^= last;
  state.rounds(c_rounds);
  state.v0 ^= last;
  state.v2 ^= 0xff;
  state.rounds(d_rounds);
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

std::uint64_t hash_name(std::string_view bytes) noexcept {
  static const Key kKey = random_key();
  return siphash(bytes, kKey.words[0], kKey.words[1], 1, 3);
}

}  // namespace pushwire
