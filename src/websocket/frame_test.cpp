#include "websocket/frame.h"

#include <gtest/gtest.h>

#include <string>

#include "base/utf8.h"
#include "websocket/close_code.h"

namespace pushwire::websocket {
namespace {

using namespace std::string_literals;

std::string header_of(std::size_t payload_size) {
  const std::string payload(payload_size, 'x');
  const SharedBuffer frame = encode_frame(Opcode::kText, payload);
  EXPECT_EQ(frame.size(), frame_header_size(payload_size) + payload_size);
  EXPECT_EQ(frame.view().substr(frame.size() - payload_size), payload);
  return std::string(frame.view().substr(0, frame.size() - payload_size));
}

TEST(Frame, LengthHasItsShortestFormAtEveryBoundary) {
  EXPECT_EQ(header_of(0), "\x81\x00"s);
  EXPECT_EQ(header_of(125), "\x81\x7d"s);
  EXPECT_EQ(header_of(126), "\x81\x7e\x00\x7e"s);
  EXPECT_EQ(header_of(127), "\x81\x7e\x00\x7f"s);
  EXPECT_EQ(header_of(32768), "\x81\x7e\x80\x00"s);
  EXPECT_EQ(header_of(65535), "\x81\x7e\xff\xff"s);
  EXPECT_EQ(header_of(65536), "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s);
}

TEST(Frame, HeaderCarriesALengthAbove32Bits) {
  std::string header(kMaxServerFrameHeader, '\0');
  const char* const end = write_frame_header(header.data(), Opcode::kBinary, 0x0102030405060708);
  EXPECT_EQ(end, header.data() + 10);
  EXPECT_EQ(header, "\x82\x7f\x01\x02\x03\x04\x05\x06\x07\x08"s);
}

TEST(Frame, OpcodesGoOutWithFinAndWithoutMask) {
  EXPECT_EQ(encode_frame(Opcode::kBinary, "b").view(), "\x82\x01"s + "b");
  EXPECT_EQ(encode_frame(Opcode::kPing, "").view(), "\x89\x00"s);
  EXPECT_EQ(encode_frame(Opcode::kPong, "p").view(), "\x8a\x01p"s);
}

TEST(Frame, CloseCarriesCodeAndReason) {
  EXPECT_EQ(encode_close(3001, "shutdown").view(), "\x88\x0a\x0b\xb9shutdown"s);
  EXPECT_EQ(encode_close(1000, "").view(), "\x88\x02\x03\xe8"s);
}

TEST(Frame, CloseWithoutCodeHasNoBody) {
  EXPECT_EQ(encode_close(close_code::kNone, "ignored").view(), "\x88\x00"s);
}

TEST(Frame, CloseReasonIsCutBetweenCodePoints) {
  const std::string ascii(200, 'r');
  EXPECT_EQ(encode_close(1000, ascii.substr(0, 123)).view().substr(4), ascii.substr(0, 123));
  EXPECT_EQ(encode_close(1000, ascii).view().substr(4), ascii.substr(0, 123));

  // A four-byte code point that ends one, two, three bytes too late is left out as a whole.
  for (std::size_t before = 120; before <= 122; ++before) {
    const std::string kept(before, 'r');
    EXPECT_EQ(encode_close(1000, kept + "\xf0\x9f\x98\x80" + ascii).view().substr(4), kept);
  }
  const std::string fits = std::string(119, 'r') + "\xf0\x9f\x98\x80";
  EXPECT_EQ(encode_close(1000, fits + ascii).view().substr(4), fits);
}

TEST(Frame, CloseReasonOfContinuationBytesAloneIsDropped) {
  EXPECT_EQ(encode_close(1000, std::string(200, '\x80')).view(), "\x88\x02\x03\xe8"s);
}

TEST(FrameDeathTest, ControlFrameOver125BytesIsOurBug) {
  EXPECT_DEATH((void)encode_frame(Opcode::kPing, std::string(126, 'x')), "check failed");
}

}  // namespace
}  // namespace pushwire::websocket
