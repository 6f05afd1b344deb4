// The pieces and their place in memory. The rules of RFC 6455, which need whole messages, are in
// message_reader_test.cpp.
#include "websocket/frame_decoder.h"

#include <gtest/gtest.h>

#include <string>

#include "websocket/close_code.h"
#include "websocket/test_frames.h"

namespace pushwire::websocket {
namespace {

using test::ClientFrame;

TEST(FrameDecoder, WholeFrameIsUnmaskedWhereItLies) {
  std::string wire = test::text("hello") + test::text("you");
  std::span<char> bytes(wire);
  FrameDecoder decoder{ReadLimits{}};

  const auto first = decoder.next(bytes);
  ASSERT_TRUE(first.has_value() && first->has_value());
  EXPECT_EQ((*first)->payload, "hello");
  EXPECT_EQ((*first)->payload.data(), wire.data() + 6);
  EXPECT_TRUE((*first)->last);
  EXPECT_TRUE(decoder.at_rest());
  EXPECT_EQ(bytes.data(), wire.data() + 11) << "the second frame is not touched yet";

  const auto second = decoder.next(bytes);
  ASSERT_TRUE(second.has_value() && second->has_value());
  EXPECT_EQ((*second)->payload, "you");
  EXPECT_TRUE(bytes.empty());
  EXPECT_FALSE(decoder.next(bytes)->has_value());
}

TEST(FrameDecoder, PartOfAFrameIsHandedOnAtOnce) {
  std::string wire = test::text("hello");
  std::span<char> bytes = std::span(wire).first(8);
  FrameDecoder decoder{ReadLimits{}};
  const auto part = decoder.next(bytes);
  ASSERT_TRUE(part.has_value() && part->has_value());
  EXPECT_EQ((*part)->payload, "he");
  EXPECT_FALSE((*part)->last);
  EXPECT_FALSE(decoder.next(bytes)->has_value());
  EXPECT_FALSE(decoder.at_rest());

  FrameDecoder moved = std::move(decoder);
  std::span<char> rest = std::span(wire).subspan(8);
  const auto end = moved.next(rest);
  ASSERT_TRUE(end.has_value() && end->has_value());
  EXPECT_EQ((*end)->payload, "llo");
  EXPECT_TRUE((*end)->last);
  EXPECT_TRUE(moved.at_rest());
}

TEST(FrameDecoder, ContinuationCarriesTheOpcodeOfItsMessage) {
  std::string wire = test::encode(0x01, "a") + test::encode(0x89, "p") + test::encode(0x80, "b");
  std::span<char> bytes(wire);
  FrameDecoder decoder{ReadLimits{}};
  const auto start = decoder.next(bytes);
  ASSERT_TRUE(start.has_value() && start->has_value());
  EXPECT_EQ((*start)->opcode, Opcode::kText);
  EXPECT_FALSE((*start)->last);
  const auto ping = decoder.next(bytes);
  ASSERT_TRUE(ping.has_value() && ping->has_value());
  EXPECT_EQ((*ping)->opcode, Opcode::kPing);
  EXPECT_TRUE((*ping)->last);
  EXPECT_FALSE(decoder.at_rest()) << "the message is still open";
  const auto end = decoder.next(bytes);
  ASSERT_TRUE(end.has_value() && end->has_value());
  EXPECT_EQ((*end)->opcode, Opcode::kText);
  EXPECT_TRUE((*end)->last);
  EXPECT_TRUE(decoder.at_rest());
}

// How many bytes of `wire` must arrive until the fault shows; 0: it never does.
std::size_t bytes_until_fault(std::string wire, const ReadLimits& limits) {
  FrameDecoder decoder{limits};
  for (std::size_t i = 0; i < wire.size(); ++i) {
    std::span<char> byte(wire.data() + i, 1);
    if (!decoder.next(byte).has_value()) {
      return i + 1;
    }
  }
  return 0;
}

TEST(FrameDecoder, FaultShowsAtTheFirstByteThatIsWrong) {
  const ReadLimits limits{.max_message_bytes = 1000};
  EXPECT_EQ(bytes_until_fault(test::encode(0xc1, "x"), limits), 1U) << "reserved bit";
  EXPECT_EQ(bytes_until_fault(test::encode(0x83, "x"), limits), 1U) << "reserved opcode";
  EXPECT_EQ(bytes_until_fault(test::encode(0x09, "x"), limits), 1U) << "fragmented ping";
  EXPECT_EQ(bytes_until_fault(test::encode(0x80, "x"), limits), 1U) << "continuation without a message";
  EXPECT_EQ(bytes_until_fault(test::encode(0x82, "x"), limits), 1U) << "binary";
  EXPECT_EQ(bytes_until_fault(encode(ClientFrame{.payload = "x", .masked = false}), limits), 2U) << "not masked";
  EXPECT_EQ(bytes_until_fault(test::encode(0x89, std::string(126, 'x')), limits), 2U) << "long ping";
  EXPECT_EQ(bytes_until_fault(encode(ClientFrame{.payload = "x", .form = test::LengthForm::k16}), limits), 4U);
  EXPECT_EQ(bytes_until_fault(encode(ClientFrame{.payload = "x", .form = test::LengthForm::k64}), limits), 10U);
  EXPECT_EQ(bytes_until_fault(encode(ClientFrame{.announced = 1001}), limits), 4U) << "over the limit";
  EXPECT_EQ(bytes_until_fault(encode(ClientFrame{.announced = 1ULL << 40}), limits), 10U) << "far over the limit";
  EXPECT_EQ(bytes_until_fault(test::encode(0x81, std::string(1000, 'x')), limits), 0U);
}

}  // namespace
}  // namespace pushwire::websocket
