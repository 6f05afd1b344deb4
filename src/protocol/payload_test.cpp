#include "protocol/payload.h"

#include <gtest/gtest.h>

namespace pushwire::protocol {
namespace {

TEST(ValidPayload, IsOneThatAMessageCanHold) {
  EXPECT_TRUE(is_valid_payload(PayloadKind::kJson, R"({"a": [1.0, null]})"));
  EXPECT_TRUE(is_valid_payload(PayloadKind::kText, R"("a\n\ud83d\ude00")"));
  EXPECT_TRUE(is_valid_payload(PayloadKind::kText, R"("")"));
  EXPECT_TRUE(is_valid_payload(PayloadKind::kBinary, "AP8="));
  EXPECT_TRUE(is_valid_payload(PayloadKind::kBinary, ""));
}

// Each of these would end the process in raw_payload(), or the connection of whoever gets it.
TEST(ValidPayload, IsNothingElse) {
  for (const char* json : {"", "{", "1 2", "\"\xff\"", "{} }"}) {
    EXPECT_FALSE(is_valid_payload(PayloadKind::kJson, json)) << json;
  }
  for (const char* text : {"", "\"", "a", "1", "\"a\" ", " \"a\"", "\"a\"b\"", R"("\ud800")", "\"\xff\"", "\"\n\""}) {
    EXPECT_FALSE(is_valid_payload(PayloadKind::kText, text)) << text;
  }
  for (const char* base64 : {"%%", "AP8", "A===", "AP9="}) {
    EXPECT_FALSE(is_valid_payload(PayloadKind::kBinary, base64)) << base64;
  }
}

TEST(RawPayload, KeepsJsonByteForByte) {
  EXPECT_EQ(raw_payload(PayloadKind::kJson, R"({"a": 1.0})"), R"({"a": 1.0})");
}

TEST(RawPayload, ResolvesText) {
  EXPECT_EQ(raw_payload(PayloadKind::kText, R"("a\n\u00e9")"), "a\n\u00e9");
  EXPECT_EQ(raw_payload(PayloadKind::kText, R"("")"), "");
}

TEST(RawPayload, DecodesBinary) {
  EXPECT_EQ(raw_payload(PayloadKind::kBinary, "AP8="), std::string("\0\xff", 2));
  EXPECT_EQ(raw_payload(PayloadKind::kBinary, ""), "");
}

}  // namespace
}  // namespace pushwire::protocol
