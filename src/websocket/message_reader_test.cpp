// The rules of RFC 6455 for what a client sends. Every scenario is read whole, cut in two at every byte, and byte by
// byte; the events must be the same.
#include "websocket/message_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "websocket/close_code.h"
#include "websocket/test_frames.h"

namespace pushwire::websocket {
namespace {

using namespace std::string_literals;
using test::ClientFrame;
using test::encode;
using test::LengthForm;
using test::Peer;
using test::text;

using Events = std::vector<std::string>;

// Long wires are cut near both ends and at some places between, else a test would take minutes.
bool is_cut_tried(std::size_t cut, std::size_t size) {
  constexpr std::size_t kDense = 300;
  return cut <= kDense || cut + kDense >= size || cut % 8191 == 0;
}

std::size_t expect_events(const std::string& wire, const Events& expected, const ReadLimits& limits = {}) {
  Peer whole(limits);
  whole.read(wire);
  EXPECT_EQ(whole.events(), expected) << "whole";
  for (std::size_t cut = 1; cut < wire.size(); ++cut) {
    if (is_cut_tried(cut, wire.size())) {
      Peer halves(limits);
      halves.read(std::string_view(wire).substr(0, cut));
      halves.read(std::string_view(wire).substr(cut));
      EXPECT_EQ(halves.events(), expected) << "cut at " << cut;
      EXPECT_EQ(halves.at_rest(), whole.at_rest()) << "cut at " << cut;
    }
  }
  Peer bytewise(limits);
  for (const char& byte : wire) {
    bytewise.read({&byte, 1});
  }
  EXPECT_EQ(bytewise.events(), expected) << "byte by byte";
  EXPECT_EQ(bytewise.at_rest(), whole.at_rest()) << "byte by byte";
  EXPECT_LE(bytewise.max_buffer(), limits.max_message_bytes + kMaxControlPayload);
  return bytewise.max_buffer();
}

constexpr ReadLimits kBinaryAccepted{.accept_binary = true};

TEST(MessageReader, ReadsTextOfEveryBoundaryLength) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 32767U, 32768U, 65535U, 65536U}) {
    const std::string payload(size, 'x');
    expect_events(text(payload), {"text " + payload});
  }
}

TEST(MessageReader, ReadsBinaryOfEveryBoundaryLength) {
  for (const std::size_t size : {0U, 125U, 126U, 127U, 65535U, 65536U}) {
    const std::string payload(size, '\xff');
    expect_events(encode(0x82, payload), {"binary " + payload}, kBinaryAccepted);
  }
}

TEST(MessageReader, ReadsManyFramesOfOneRead) {
  expect_events(text("a") + text("") + encode(0x89, "b") + text("c"), {"text a", "text ", "ping b", "text c"});
}

TEST(MessageReader, AssemblesFragments) {
  expect_events(encode(0x01, "he") + encode(0x00, "") + encode(0x00, "ll") + encode(0x80, "o") + text("next"),
                {"text hello", "text next"});
  expect_events(encode(0x01, "") + encode(0x00, "") + encode(0x80, ""), {"text "});
  expect_events(encode(0x01, "") + encode(0x80, "late"), {"text late"});
  expect_events(encode(0x01, "early") + encode(0x80, ""), {"text early"});
  expect_events(encode(0x02, "\xfe\xff") + encode(0x80, "b"), {"binary \xfe\xff"s + "b"}, kBinaryAccepted);
}

TEST(MessageReader, HandsOutControlFramesBetweenFragments) {
  expect_events(encode(0x01, "he") + encode(0x89, "ping") + encode(0x00, "l") + encode(0x8a, "pong") +
                    encode(0x89, "") + encode(0x80, "lo"),
                {"ping ping", "pong pong", "ping ", "text hello"});
}

TEST(MessageReader, ReadsPingsUpTo125Bytes) {
  const std::string payload(125, 'p');
  expect_events(encode(0x89, payload) + encode(0x8a, payload), {"ping " + payload, "pong " + payload});
}

TEST(MessageReader, RefusesUnmaskedFrame) {
  for (const unsigned first : {0x81U, 0x01U, 0x88U, 0x89U, 0x8aU}) {
    expect_events(encode(ClientFrame{.first_byte = first, .payload = "xy", .masked = false}), {"fault 1002"});
  }
}

TEST(MessageReader, RefusesReservedBits) {
  for (const unsigned bits : {0x10U, 0x20U, 0x40U, 0x70U}) {
    for (const unsigned first : {0x81U, 0x01U, 0x89U, 0x88U}) {
      expect_events(encode(first | bits, "x") + text("unread"), {"fault 1002"});
    }
    expect_events(encode(0x01, "x") + encode(0x80 | bits, "x"), {"fault 1002"});
  }
}

TEST(MessageReader, RefusesEveryReservedOpcode) {
  for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U}) {
    expect_events(encode(0x80 | opcode, "x"), {"fault 1002"});
    expect_events(encode(opcode, ""), {"fault 1002"});
    expect_events(encode(0x01, "x") + encode(0x80 | opcode, ""), {"fault 1002"});
  }
}

TEST(MessageReader, RefusesControlFrameOver125Bytes) {
  for (const unsigned first : {0x88U, 0x89U, 0x8aU}) {
    expect_events(encode(first, std::string(126, 'x')), {"fault 1002"});
    expect_events(encode(ClientFrame{.first_byte = first, .form = LengthForm::k64, .announced = 1}), {"fault 1002"});
  }
}

TEST(MessageReader, RefusesFragmentedControlFrame) {
  for (const unsigned first : {0x08U, 0x09U, 0x0aU}) {
    expect_events(encode(first, "xy") + encode(0x80, "z"), {"fault 1002"});
  }
}

TEST(MessageReader, RefusesLengthThatIsNotShortest) {
  for (const std::uint64_t length : {0U, 1U, 125U}) {
    expect_events(encode(ClientFrame{.form = LengthForm::k16, .announced = length}), {"fault 1002"});
  }
  for (const std::uint64_t length : {0U, 125U, 126U, 65535U}) {
    expect_events(encode(ClientFrame{.form = LengthForm::k64, .announced = length}), {"fault 1002"});
  }
}

TEST(MessageReader, RefusesLengthWithTopBit) {
  for (const std::uint64_t length : {1ULL << 63, ~0ULL, (1ULL << 63) + 5}) {
    expect_events(encode(ClientFrame{.form = LengthForm::k64, .announced = length}), {"fault 1002"});
  }
}

TEST(MessageReader, LengthCannotOverflowTheSumOfFragments) {
  const std::string huge = encode(ClientFrame{.first_byte = 0x80, .announced = ~0ULL >> 1});
  expect_events(encode(0x01, "x") + huge, {"fault 1009"});
  const ReadLimits unlimited{.max_message_bytes = ~std::size_t{0} >> 1};
  Peer peer(unlimited);
  peer.read(encode(0x01, "x") + huge);
  EXPECT_EQ(peer.events(), Events{"fault 1009"});
}

TEST(MessageReader, RefusesContinuationWithoutMessage) {
  expect_events(encode(0x80, "x"), {"fault 1002"});
  expect_events(encode(0x00, "x"), {"fault 1002"});
  expect_events(text("done") + encode(0x80, "x"), {"text done", "fault 1002"});
}

TEST(MessageReader, RefusesNewMessageInsideMessage) {
  expect_events(encode(0x01, "x") + text("y"), {"fault 1002"});
  expect_events(encode(0x01, "x") + encode(0x82, "y"), {"fault 1002"}, kBinaryAccepted);
  expect_events(encode(0x01, "x") + encode(0x89, "p") + encode(0x01, "y"), {"ping p", "fault 1002"});
}

TEST(MessageReader, RefusesBinaryUnlessAccepted) {
  expect_events(encode(0x82, "x"), {"fault 1003"});
  expect_events(encode(0x02, ""), {"fault 1003"});
  expect_events(text("a") + encode(0x82, std::string(1000, 'x')), {"text a", "fault 1003"});
}

TEST(MessageReader, RefusesPayloadOverLimitBeforeBuffering) {
  const ReadLimits limits{.max_message_bytes = 1000};
  const std::string fits(1000, 'x');
  expect_events(text(fits), {"text " + fits}, limits);
  for (const std::uint64_t length : {1001ULL, 65535ULL, 65536ULL, 1ULL << 40, (1ULL << 63) - 1}) {
    EXPECT_EQ(expect_events(encode(ClientFrame{.announced = length}), {"fault 1009"}, limits), 0U);
  }
}

TEST(MessageReader, SumsTheLimitOverFragments) {
  const ReadLimits limits{.max_message_bytes = 100};
  const std::string half(50, 'x');
  expect_events(encode(0x01, half) + encode(0x89, half) + encode(0x80, half), {"ping " + half, "text " + half + half},
                limits);
  expect_events(encode(0x01, half) + encode(0x00, half) + encode(0x80, "x"), {"fault 1009"}, limits);
  expect_events(text(half) + text(half) + text(half), {"text " + half, "text " + half, "text " + half}, limits);
}

TEST(MessageReader, BoundsTheFragmentsOfAMessage) {
  const ReadLimits limits{.max_fragments = 4};
  const std::string three = encode(0x01, "a") + encode(0x00, "") + encode(0x00, "");
  expect_events(three + encode(0x80, "b"), {"text ab"}, limits);
  expect_events(three + encode(0x89, "p") + encode(0x00, "") + encode(0x80, ""), {"ping p", "fault 1009"}, limits);
  expect_events(three + encode(0x80, "b") + three + encode(0x80, "b"), {"text ab", "text ab"}, limits);
}

TEST(MessageReader, EndlessEmptyFragmentsEndAtTheDefaultBound) {
  std::string wire = encode(0x01, "");
  for (unsigned i = 1; i < ReadLimits{}.max_fragments; ++i) {
    wire += encode(0x00, "");
  }
  Peer allowed(ReadLimits{});
  allowed.read(wire);
  EXPECT_EQ(allowed.events(), Events{});
  allowed.read(encode(0x00, ""));
  EXPECT_EQ(allowed.events(), Events{"fault 1009"});
  EXPECT_EQ(allowed.max_buffer(), 0U);
}

TEST(MessageReader, ReadsUtf8CutInsideCodePoints) {
  const std::string payload = "\xce\xba\xe1\xbd\xb9\xf0\x9f\x98\x80\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf";
  expect_events(text(payload), {"text " + payload});
  for (std::size_t cut = 0; cut <= payload.size(); ++cut) {
    expect_events(encode(0x01, payload.substr(0, cut)) + encode(0x89, "\xff") + encode(0x80, payload.substr(cut)),
                  {"ping \xff", "text " + payload});
  }
}

TEST(MessageReader, RefusesTextThatIsNotUtf8) {
  for (const std::string& bad : {"\x80"s, "\xc0\xaf"s, "\xe0\x80\xaf"s, "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s, "\xff"s,
                                 "\xf8\x88\x80\x80\x80"s, "\xce"s, "\xf0\x9f\x98"s}) {
    expect_events(text("ok" + bad), {"fault 1007"});
    expect_events(text(bad + "ok"), {"fault 1007"});
    expect_events(encode(0x01, "ok") + encode(0x80, bad), {"fault 1007"});
  }
}

TEST(MessageReader, RefusesTextThatEndsInsideACodePoint) {
  expect_events(text("\xe1\xbd"), {"fault 1007"});
  expect_events(encode(0x01, "\xe1") + encode(0x00, "\xbd") + encode(0x80, ""), {"fault 1007"});
}

TEST(MessageReader, BadUtf8FailsBeforeItsFrameOrMessageEnds) {
  const std::string unfinished = text("good \xed\xa0\x80 and the rest").substr(0, 6 + 7);
  expect_events(unfinished, {"fault 1007"});
  expect_events(encode(0x01, "\xf4") + encode(0x00, "\x90"), {"fault 1007"});
}

TEST(MessageReader, ReadsEveryCloseForm) {
  const std::string reason(123, 'r');
  expect_events(encode(0x88, ""), {"close 1005"});
  expect_events(encode(0x88, test::close_body(1000, "")), {"close 1000"});
  expect_events(encode(0x88, test::close_body(4999, "bye \xce\xba")), {"close 4999 bye \xce\xba"});
  expect_events(encode(0x88, test::close_body(3000, reason)), {"close 3000 " + reason});
  expect_events(encode(0x01, "open") + encode(0x88, ""), {"close 1005"});
}

TEST(MessageReader, RefusesCloseWithHalfACode) {
  expect_events(encode(0x88, "\x03"), {"fault 1002"});
}

TEST(MessageReader, JudgesEveryCloseCode) {
  for (const unsigned code : {1000U, 1001U, 1002U, 1003U, 1007U, 1011U, 1014U, 3000U, 3999U, 4000U, 4999U}) {
    expect_events(encode(0x88, test::close_body(code, "")), {"close " + std::to_string(code)});
  }
  for (const unsigned code : {0U, 1U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 1100U, 2000U, 2999U, 5000U, 65535U}) {
    expect_events(encode(0x88, test::close_body(code, "")), {"fault 1002"});
  }
}

TEST(MessageReader, RefusesCloseReasonThatIsNotUtf8) {
  expect_events(encode(0x88, test::close_body(1000, "\xff")), {"fault 1007"});
  expect_events(encode(0x88, test::close_body(1000, "cut \xce")), {"fault 1007"});
}

TEST(MessageReader, ReadsNothingAfterACloseOrAFault) {
  expect_events(encode(0x88, "") + text("unread") + encode(0x89, ""), {"close 1005"});
  expect_events(encode(0x83, "") + text("unread") + encode(0x89, ""), {"fault 1002"});
}

TEST(MessageReader, IsNotAtRestAfterItsEnd) {
  for (const std::string& wire : {encode(0x88, ""), encode(0x83, "")}) {
    Peer peer{ReadLimits{}};
    peer.read(wire);
    EXPECT_FALSE(peer.at_rest());
  }
}

TEST(MessageReader, IsAtRestExactlyBetweenMessages) {
  const std::string wire = encode(0x01, "he") + encode(0x89, "p") + encode(0x80, "llo");
  Peer peer{ReadLimits{}};
  EXPECT_TRUE(peer.at_rest());
  for (std::size_t i = 0; i < wire.size(); ++i) {
    peer.read(std::string_view(wire).substr(i, 1));
    EXPECT_EQ(peer.at_rest(), i + 1 == wire.size()) << i;
  }
}

TEST(MessageReader, WholeFrameIsNotCopied) {
  std::string wire = text(std::string(5000, 'x')) + encode(0x89, "p") + text("y");
  std::span<char> bytes(wire);
  MessageReader reader{ReadLimits{}};
  const auto message = reader.next(bytes);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->payload.data(), wire.data() + 8);
  while (reader.next(bytes)) {
  }
  EXPECT_EQ(reader.buffer_bytes(), 0U);
}

TEST(MessageReader, PayloadAfterAnEarlierHeaderIsNotCopied) {
  std::string wire = text("hello");
  MessageReader reader{ReadLimits{}};
  std::span<char> header = std::span(wire).first(6);
  EXPECT_FALSE(reader.next(header).has_value());
  std::span<char> rest = std::span(wire).subspan(6);
  EXPECT_EQ(reader.next(rest)->payload, "hello");
  EXPECT_EQ(reader.buffer_bytes(), 0U);
}

TEST(MessageReader, BufferGrowsWithWhatArrivedNotWithWhatWasAnnounced) {
  const ReadLimits limits{.max_message_bytes = 1 << 20};
  std::string wire = encode(ClientFrame{.payload = std::string(1000, 'x'), .announced = 1 << 20});
  MessageReader reader{limits};
  std::size_t arrived = 0;
  for (char& byte : wire) {
    std::span<char> bytes(&byte, 1);
    EXPECT_FALSE(reader.next(bytes).has_value());
    ++arrived;
    EXPECT_LE(reader.buffer_bytes(), std::max<std::size_t>(64, 2 * arrived));
  }
}

TEST(MessageReader, BufferNeverExceedsTheLimit) {
  const ReadLimits limits{.max_message_bytes = 1000};
  const std::string half(500, 'x');
  const std::string ping(125, 'p');
  const std::size_t most =
      expect_events(encode(0x01, half) + encode(0x00, half) + encode(0x89, ping) + encode(0x80, ""),
                    {"ping " + ping, "text " + half + half}, limits);
  EXPECT_LE(most, 1125U);
}

TEST(MessageReader, MayBeDestroyedWhileAnEventIsHandled) {
  std::string wire = text("first") + text("second");
  std::span<char> bytes(wire);
  auto reader = std::make_unique<MessageReader>(ReadLimits{});
  const std::optional<Event> event = reader->next(bytes);
  reader.reset();
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->payload, "first");
}

}  // namespace
}  // namespace pushwire::websocket
