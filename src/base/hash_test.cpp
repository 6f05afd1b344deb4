#include "base/hash.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <set>
#include <string>

namespace pushwire {
namespace {

// The key and input of the published SipHash-2-4 vectors: bytes that count up from 0.
constexpr std::uint64_t kKey0 = 0x0706050403020100ULL;
constexpr std::uint64_t kKey1 = 0x0f0e0d0c0b0a0908ULL;

std::string counting(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) {
    bytes += static_cast<char>(i);
  }
  return bytes;
}

TEST(SipHash, AgreesWithThePublishedVectors) {
  constexpr std::array<std::uint64_t, 9> kExpected = {
      0x726fdb47dd0e0e31ULL, 0x74f839c593dc67fdULL, 0x0d6c8009d9a94f5aULL, 0x85676696d7fb7e2dULL, 0xcf2794e0277187b7ULL,
      0x18765564cd99a68dULL, 0xcbc9466e58fee3ceULL, 0xab0200f58b01d137ULL, 0x93f5f5799a932462ULL};
  for (std::size_t size = 0; size < kExpected.size(); ++size) {
    EXPECT_EQ(siphash(counting(size), kKey0, kKey1, 2, 4), kExpected[size]) << size;
  }
  EXPECT_EQ(siphash(counting(15), kKey0, kKey1, 2, 4), 0xa129ca6149be45e5ULL) << "the example of the paper";
}

TEST(SipHash, DependsOnTheKeyAndTheRounds) {
  const std::uint64_t hash = siphash("alice", kKey0, kKey1, 1, 3);
  EXPECT_NE(hash, siphash("alice", kKey0 + 1, kKey1, 1, 3));
  EXPECT_NE(hash, siphash("alice", kKey0, kKey1 + 1, 1, 3));
  EXPECT_NE(hash, siphash("alice", kKey0, kKey1, 2, 4));
}

TEST(HashName, IsTheSameForTheWholeProcess) {
  EXPECT_EQ(hash_name("alice"), hash_name(std::string("alice")));
}

TEST(HashName, TellsNamesApartAlsoByTrailingZeros) {
  const std::string zeros(9, '\0');
  std::set<std::uint64_t> hashes;
  for (std::size_t size = 0; size <= zeros.size(); ++size) {
    hashes.insert(hash_name(std::string_view(zeros).substr(0, size)));
  }
  EXPECT_EQ(hashes.size(), zeros.size() + 1);
}

TEST(HashName, SpreadsSimilarNamesOverBothHalvesOfTheWord) {
  std::array<int, 8> low{};
  std::array<int, 8> high{};
  for (int i = 0; i < 8000; ++i) {
    const std::uint64_t hash = hash_name("user" + std::to_string(i));
    ++low[hash % 8];
    ++high[(hash >> 32) % 8];
  }
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_NEAR(low[i], 1000, 200) << i;
    EXPECT_NEAR(high[i], 1000, 200) << i;
  }
}

}  // namespace
}  // namespace pushwire
