#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace pushwire {
namespace {

// RFC 3720 appendix B.4, and the usual check value.
TEST(Crc32c, AgreesWithThePublishedVectors) {
  std::string rising;
  for (char c = 0; c < 32; ++c) {
    rising += c;
  }
  const struct {
    std::string bytes;
    std::uint32_t crc;
  } kVectors[] = {{"", 0},
                  {"123456789", 0xE3069283},
                  {std::string(32, '\0'), 0x8A9136AA},
                  {std::string(32, '\xff'), 0x62A8AB43},
                  {rising, 0x46DD794E}};
  for (const auto& vector : kVectors) {
    EXPECT_EQ(crc32c(vector.bytes), vector.crc);
    EXPECT_EQ(crc32c_portable(vector.bytes), vector.crc);
  }
}

TEST(Crc32c, IsTheSameBothWaysForEveryLengthAndAlignment) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) {
    bytes += static_cast<char>(i * 37);
  }
  for (std::size_t from = 0; from < 9; ++from) {
    for (std::size_t length = 0; length < 80; ++length) {
      const std::string_view part = std::string_view(bytes).substr(from, length);
      EXPECT_EQ(crc32c(part), crc32c_portable(part));
    }
  }
}

}  // namespace
}  // namespace pushwire
