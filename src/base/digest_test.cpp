#include "base/digest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace pushwire {
namespace {

// FIPS 180-4's examples, cut to 128 bits.
TEST(Digest, IsTheFirstHalfOfSha256) {
  constexpr std::array<unsigned char, 16> kAbc = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                                  0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23};
  constexpr std::array<unsigned char, 16> kEmpty = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
                                                    0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24};
  EXPECT_EQ(digest_of("abc").bytes, kAbc);
  EXPECT_EQ(digest_of({}).bytes, kEmpty);
}

TEST(Digest, ComparesAndHashesByItsBytes) {
  EXPECT_EQ(digest_of("a"), digest_of(std::string("a")));
  EXPECT_NE(digest_of("a"), digest_of(std::string_view("a\0", 2)));
  EXPECT_EQ(digest_of("a").hash(), digest_of("a").hash());
  EXPECT_NE(digest_of("a").hash(), digest_of("b").hash());
}

}  // namespace
}  // namespace pushwire
