#include "protocol/payload.h"

#include <gtest/gtest.h>

namespace pushwire::protocol {
namespace {

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
