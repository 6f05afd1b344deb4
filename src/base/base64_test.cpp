#include "base/base64.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace pushwire {
namespace {

using namespace std::string_literals;

// RFC 4648 10.
const std::vector<std::pair<std::string, std::string>> kVectors = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "+//+"},
};

std::string without_padding(std::string text) {
  while (text.ends_with('=')) {
    text.pop_back();
  }
  return text;
}

TEST(Base64, MatchesTheVectorsOfTheRfc) {
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
    EXPECT_TRUE(is_base64(text)) << text;
  }
}

TEST(Base64, RefusesEverythingThatIsNotCanonical) {
  for (const std::string text :
       {"Zg",   "Zg=",      "Zg===", "Zm8",  "Zm9vYg=",  "Z",        "=",       "==",   "===",
        "====", "Z===",     "Zh==",  "Zm9=", "Zm9vYh==", "Zg==Zg==", "Zm9v\n",  "Zm9 ", " Zm9v",
        "Zm-_", "Zm9v====", "=m9v",  "Z=9v", "Zm=v",     "Zm\0v",    "Zm9\xc3", "+//-"}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
    EXPECT_FALSE(is_base64(text)) << text;
  }
}

TEST(Base64, CheckAgreesWithDecoderOnEveryTextOfFourFromASmallAlphabet) {
  const std::string alphabet = "AQgwB/=-";
  for (std::size_t n = 0; n < 8 * 8 * 8 * 8; ++n) {
    const std::string text = {alphabet[n % 8], alphabet[n / 8 % 8], alphabet[n / 64 % 8], alphabet[n / 512]};
    const std::optional<std::string> bytes = base64_decode(text);
    EXPECT_EQ(is_base64(text), bytes.has_value()) << text;
    if (bytes) {
      EXPECT_EQ(base64_encode(*bytes), text);
    }
  }
}

TEST(Base64Url, HasNoPaddingAndItsOwnAlphabet) {
  for (const auto& [bytes, text] : kVectors) {
    if (text.find_first_of("+/") == std::string::npos) {
      EXPECT_EQ(base64url_encode(bytes), without_padding(text));
      EXPECT_EQ(base64url_decode(without_padding(text)), bytes);
    }
  }
  EXPECT_EQ(base64url_encode("\xfb\xff\xfe"), "-__-");
  EXPECT_EQ(base64url_decode("-__-"), "\xfb\xff\xfe");
}

TEST(Base64Url, RefusesPaddingTheOtherAlphabetAndUnusedBits) {
  for (const std::string text : {"Zg==", "+//+", "Z", "Zh", "Zm9", "Zm9v ", "Zm.v"}) {
    EXPECT_EQ(base64url_decode(text), std::nullopt) << text;
  }
}

TEST(Base64Url, SixteenBytesAreTwentyTwoCharacters) {
  EXPECT_EQ(base64url_encode("0123456789abcdef"s).size(), 22U);
}

TEST(Base64, EveryByteComesBackAtEveryLength) {
  std::string bytes;
  for (int i = 0; i < 260; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
    bytes += static_cast<char>(i * 37);
  }
}

}  // namespace
}  // namespace pushwire
