#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pushwire {
namespace {

// Written apart from the code under test: decodes, then judges the number (RFC 3629 3).
bool is_utf8_by_definition(const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const int size = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (size == 0 || at + static_cast<std::size_t>(size) > text.size()) {
      return false;
    }
    unsigned point = size == 1 ? lead : lead & (0x7fU >> size);
    for (int i = 1; i < size; ++i) {
      const auto byte = static_cast<unsigned char>(text[at + static_cast<std::size_t>(i)]);
      if (byte >> 6 != 2) {
        return false;
      }
      point = point << 6 | (byte & 63);
    }
    const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < least[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      return false;
    }
    at += static_cast<std::size_t>(size);
  }
  return true;
}

TEST(Utf8, AgreesWithTheDefinitionOnAllTextsOfUpToTwoBytes) {
  for (int first = 0; first < 256; ++first) {
    EXPECT_EQ(is_valid_utf8(std::string(1, static_cast<char>(first))), first < 0x80);
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      EXPECT_EQ(is_valid_utf8(text), is_utf8_by_definition(text)) << first << ' ' << second;
    }
  }
}

TEST(Utf8, AgreesWithTheDefinitionAroundEveryBoundary) {
  const int edges[] = {0x00, 0x28, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
                       0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff};
  for (const int a : {0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8}) {
    for (const int b : edges) {
      for (const int c : edges) {
        for (const int d : edges) {
          const std::string text = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c),
                                    static_cast<char>(d)};
          EXPECT_EQ(is_valid_utf8(text), is_utf8_by_definition(text)) << a << ' ' << b << ' ' << c << ' ' << d;
          const std::string three = text.substr(0, 3);
          EXPECT_EQ(is_valid_utf8(three), is_utf8_by_definition(three)) << a << ' ' << b << ' ' << c;
        }
      }
    }
  }
}

TEST(Utf8, JudgesTheSameWhereverTheTextIsCut) {
  for (const std::string text :
       {"a\u00e9\u20ac\U0001F600z", "abcdefgh\u00e9ijklmnopqrstuvw\u20ac", "ab\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      Utf8Validator validator;
      const bool whole =
          validator.feed(text.substr(0, cut)) && validator.feed(text.substr(cut)) && validator.complete();
      EXPECT_EQ(whole, is_utf8_by_definition(text)) << text << " cut at " << cut;
    }
  }
}

TEST(Utf8, FailsAtTheFirstByteThatCannotBecomeText) {
  Utf8Validator validator;
  EXPECT_TRUE(validator.feed("\xed"));
  EXPECT_FALSE(validator.feed("\xa0"));  // a surrogate, known before its last byte
  EXPECT_FALSE(validator.feed("a"));
  EXPECT_FALSE(validator.complete());
  validator.reset();
  EXPECT_TRUE(validator.feed("a"));
  EXPECT_TRUE(validator.complete());
}

TEST(Utf8, IsNotCompleteInsideACodePoint) {
  Utf8Validator validator;
  EXPECT_TRUE(validator.complete());
  EXPECT_TRUE(validator.feed("\xf0\x9f\x98"));
  EXPECT_FALSE(validator.complete());
  EXPECT_TRUE(validator.feed("\x80"));
  EXPECT_TRUE(validator.complete());
}

TEST(Utf8, FindsAFaultAtEveryPlaceOfALongText) {
  for (std::size_t at = 0; at < 40; ++at) {
    std::string text(40, 'x');
    EXPECT_TRUE(is_valid_utf8(text));
    text[at] = '\xff';
    EXPECT_FALSE(is_valid_utf8(text)) << at;
  }
}

}  // namespace
}  // namespace pushwire
