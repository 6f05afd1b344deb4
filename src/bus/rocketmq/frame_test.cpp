#include "bus/rocketmq/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bus/rocketmq/byte_order.h"
#include "bus/rocketmq/golden.h"

namespace pushwire::bus::rocketmq {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::string frame_of(char kind, std::string_view header, std::string_view body = {}) {
  std::string frame;
  append_u32(frame, static_cast<std::uint32_t>(4 + header.size() + body.size()));
  append_u32(frame, static_cast<std::uint32_t>(header.size()));
  frame[4] = kind;
  return frame.append(header).append(body);
}

Result<Header> decode_whole(std::string_view frame) {
  FrameReader reader;
  const auto raw = reader.next(frame);
  if (!raw) {
    return tl::unexpected(raw.error());
  }
  return *raw ? decode_header(**raw) : fail("not whole");
}

struct Seen {
  std::string header;
  std::string body;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> read_in_pieces(std::string_view stream, std::size_t piece) {
  FrameReader reader;
  std::vector<Seen> seen;
  while (!stream.empty()) {
    const std::string chunk(stream.substr(0, piece));  // memory of its own, as a socket's
    stream.remove_prefix(chunk.size());
    std::string_view rest = chunk;
    for (;;) {
      const auto frame = reader.next(rest);
      EXPECT_TRUE(frame) << frame.error().message;
      if (!frame || !*frame) {
        break;
      }
      seen.push_back({std::string((*frame)->header), std::string((*frame)->body)});
    }
    EXPECT_TRUE(rest.empty());
  }
  return seen;
}

TEST(Frame, ReadsAnAnswerOfARealBroker) {
  const std::string bytes = golden::bytes_of(golden::kPullAnswer);
  std::string_view rest = bytes;
  FrameReader reader;
  const auto frame = reader.next(rest);
  ASSERT_TRUE(frame && *frame);
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ((*frame)->body.size(), 247U);
  const Result<Header> header = decode_header(**frame);
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->code, 0);
  EXPECT_EQ(header->opaque, 4U);
  EXPECT_TRUE(header->is_answer());
  EXPECT_FALSE(header->is_one_way());
  EXPECT_EQ(header->remark, "FOUND");
  EXPECT_EQ(header->integer("nextBeginOffset"), 1);
  EXPECT_EQ(header->integer("minOffset"), 0);
  EXPECT_EQ(header->field("absent"), std::nullopt);
}

TEST(Frame, ReadsABinaryHeaderToo) {
  const Result<Header> header = decode_whole(golden::bytes_of(golden::kBinaryAnswer));
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->code, 0);
  EXPECT_EQ(header->opaque, 1U);
  EXPECT_TRUE(header->is_answer());
  EXPECT_EQ(header->remark, "");
  EXPECT_EQ(header->integer("offset"), 1);
}

TEST(Frame, ABinaryHeaderCutAnywhereIsAnErrorAndNeverMore) {
  const std::string whole = golden::bytes_of(golden::kBinaryAnswer).substr(8);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_whole(frame_of(1, whole.substr(0, size)))) << size;
  }
}

TEST(Frame, AJsonHeaderCutAnywhereIsAnError) {
  const std::string whole = golden::bytes_of(golden::kSendAnswer).substr(8);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_whole(frame_of(0, whole.substr(0, size)))) << size;
  }
}

TEST(Frame, TakesNullsNumbersAndKeysThatItDoesNotKnow) {
  const Result<Header> header = decode_whole(frame_of(
      0, R"({"opaque":7,"remark":null,"new":{"a":[1]},"extFields":{"offset":12,"x":null,"é":"\u0001"},"code":-3})"));
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->code, -3);
  EXPECT_EQ(header->remark, "");
  EXPECT_EQ(header->integer("offset"), 12);
  EXPECT_EQ(header->field("x"), "");
  EXPECT_EQ(header->field("é"), "\x01");
}

TEST(Frame, RefusesHeadersThatAreNone) {
  for (const std::string_view text : {"", "[]", "{}", R"({"code":0})", R"({"opaque":1})", R"({"code":"0","opaque":1})",
                                      R"({"code":0,"opaque":99999999999})",
                                      R"({"code":0,"opaque":1,"remark":"\ud800"})", R"({"code":0,"opaque":1} x)"}) {
    EXPECT_FALSE(decode_whole(frame_of(0, text))) << text;
  }
  std::string many = R"({"code":0,"opaque":1,"extFields":{"a":"")";
  for (std::size_t i = 0; i < kMaxFields; ++i) {
    many += R"(,"a":"")";
  }
  EXPECT_FALSE(decode_whole(frame_of(0, many + "}}")));
}

TEST(Frame, EveryCutOfAStreamGivesTheSameFrames) {
  const std::string stream = golden::bytes_of(golden::kRouteAnswer) + golden::bytes_of(golden::kBinaryAnswer) +
                             golden::bytes_of(golden::kPullAnswer) + frame_of(0, "") + frame_of(0, "", "body");
  const std::vector<Seen> whole = read_in_pieces(stream, stream.size());
  ASSERT_EQ(whole.size(), 5U);
  for (std::size_t piece = 1; piece < stream.size(); ++piece) {
    EXPECT_EQ(read_in_pieces(stream, piece), whole) << piece;
  }
}

TEST(Frame, AWholeFrameIsNotCopied) {
  const std::string bytes = golden::bytes_of(golden::kPullAnswer);
  std::string_view rest = bytes;
  FrameReader reader;
  const auto frame = reader.next(rest);
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->header.data(), bytes.data() + 8);
  EXPECT_LT(reader.buffer_bytes(), 64U);
}

TEST(Frame, RefusesAFrameOver16MiBBeforeKeepingAnyOfIt) {
  for (const bool at_once : {true, false}) {
    FrameReader reader;
    const std::string head = "\x01\x00\x00\x00\x00\x00\x00\x02{}"s;  // 16 MiB and four: with the length itself
    std::string_view rest = std::string_view(head).substr(0, at_once ? head.size() : 4);
    EXPECT_FALSE(reader.next(rest));
    EXPECT_LT(reader.buffer_bytes(), 64U);
  }
}

TEST(Frame, AnnouncedBytesTakeNoMemoryBeforeTheyCome) {
  FrameReader reader;
  std::string_view rest = "\x00\xFF\xFF\xFC\x00\x00\x00\x02{}"sv;  // the largest that is allowed
  const auto frame = reader.next(rest);
  ASSERT_TRUE(frame);
  EXPECT_FALSE(*frame);
  EXPECT_LT(reader.buffer_bytes(), 1'024U);
}

TEST(Frame, RefusesLengthsThatCannotBe) {
  for (const std::string_view head : {"\x00\x00\x00\x03\x00\x00\x00\x00"sv,  // no room for the header's length
                                      "\x00\x00\x00\x08\x00\x00\x00\x05"sv,  // header longer than the frame
                                      "\x00\x00\x00\x08\x02\x00\x00\x02"sv,  // unknown kind of header
                                      "\xFF\xFF\xFF\xFF\x00\x00\x00\x02"sv,  // negative
                                      "HTTP/1.1 400 Bad Request\r\n"sv}) {   // somebody else's port
    for (const std::size_t piece : {std::size_t{1}, head.size()}) {
      FrameReader reader;
      bool refused = false;
      for (std::size_t at = 0; at < head.size() && !refused; at += piece) {
        std::string_view rest = head.substr(at, piece);
        refused = !reader.next(rest).has_value();
      }
      EXPECT_TRUE(refused) << head << ' ' << piece;
    }
  }
}

TEST(Frame, GivesTheMemoryOfALargeFrameBack) {
  FrameReader reader;
  const std::string large = frame_of(0, "{}", std::string(1'000'000, 'x'));
  std::string_view first = std::string_view(large).substr(0, 999'999);
  std::string_view second = std::string_view(large).substr(999'999);
  EXPECT_FALSE(*reader.next(first));
  const auto frame = reader.next(second);
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->body.size(), 1'000'000U);
  std::string_view nothing;
  EXPECT_FALSE(*reader.next(nothing));
  EXPECT_LT(reader.buffer_bytes(), 1'024U);
}

TEST(Frame, AnswersAnUnknownRequestWithItsOwnOpaque) {
  std::string bytes;
  append_not_supported(bytes, 77);
  const Result<Header> header = decode_whole(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->code, 3);
  EXPECT_EQ(header->opaque, 77U);
  EXPECT_TRUE(header->is_answer());
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
