// Tests of the parts of the load generator that have no socket: what it counts must be beyond doubt.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "bench/histogram.h"
#include "bench/ledger.h"
#include "bench/stamp.h"
#include "bench/text_template.h"
#include "bench/url.h"
#include "bench/wire.h"

namespace pushwire::bench {
namespace {

TEST(Histogram, KeepsThreeDigitsOfEveryValue) {
  for (std::int64_t value = 1; value < std::int64_t{1} << 39; value = value * 3 + 1) {
    const auto histogram = std::make_unique<Histogram>();
    histogram->record(value);
    histogram->record(std::int64_t{1} << 39);  // so that the answer is not cut at the largest value
    const auto seen = static_cast<double>(histogram->at_fraction(0.5));
    EXPECT_GE(seen, static_cast<double>(value));
    EXPECT_LE(seen, static_cast<double>(value) * 1.001) << value;
  }
}

TEST(Histogram, FindsFractionsOfManyValues) {
  const auto low = std::make_unique<Histogram>();
  const auto high = std::make_unique<Histogram>();
  for (int i = 1; i <= 1000; ++i) {
    (i <= 500 ? low : high)->record(i);
  }
  low->add(*high);
  EXPECT_EQ(low->count(), 1000U);
  EXPECT_EQ(low->at_fraction(0.5), 500U);
  EXPECT_EQ(low->at_fraction(0.999), 999U);
  EXPECT_EQ(low->at_fraction(1), 1000U);
  EXPECT_EQ(low->max(), 1000U);
  EXPECT_DOUBLE_EQ(low->mean(), 500.5);
}

TEST(Histogram, TakesValuesOutOfRangeAndAnswersWhenEmpty) {
  const auto histogram = std::make_unique<Histogram>();
  EXPECT_EQ(histogram->at_fraction(0.99), 0U);
  histogram->record(-5);
  histogram->record(std::int64_t{1} << 60);
  EXPECT_EQ(histogram->at_fraction(0.5), 0U);
  EXPECT_EQ(histogram->max(), Histogram::kLargest);
}

TEST(Stamp, IsFoundInAnyEnvelopeAsOftenAsItIsThere) {
  const Stamp first{0xdeadbeef, Stream::kUser, 7, 42, 1234567890123};
  const Stamp second{1, Stream::kAll, 0, 1, 1};
  const std::string text =
      "{\"data\":\"" + write_stamp(first, 200) + "\"}\npwb1 no stamp{\"d\":\"" + write_stamp(second, 0) + "\"}";
  std::string_view rest = text;
  const auto one = next_stamp(rest);
  const auto two = next_stamp(rest);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->run, first.run);
  EXPECT_EQ(one->stream, Stream::kUser);
  EXPECT_EQ(one->user, 7U);
  EXPECT_EQ(one->number, 42U);
  EXPECT_EQ(one->time_ns, first.time_ns);
  EXPECT_EQ(two->stream, Stream::kAll);
  EXPECT_FALSE(next_stamp(rest));
}

TEST(Stamp, HasTheWantedSizeButNeverLessThanItNeeds) {
  EXPECT_EQ(write_stamp({}, 200).size(), 200U);
  EXPECT_EQ(write_stamp({}, 1).size(), kStampBytes);
}

TEST(Ledger, TellsInOrderLateAndDuplicateApart) {
  Ledger ledger(2);
  EXPECT_EQ(ledger.take(0, Stream::kAll, 1), Verdict::kInOrder);
  EXPECT_EQ(ledger.take(0, Stream::kAll, 4), Verdict::kInOrder);
  EXPECT_EQ(ledger.take(0, Stream::kAll, 3), Verdict::kLate);
  EXPECT_EQ(ledger.take(0, Stream::kAll, 3), Verdict::kDuplicate);
  EXPECT_EQ(ledger.take(0, Stream::kAll, 4), Verdict::kDuplicate);
  EXPECT_EQ(ledger.take(0, Stream::kUser, 1), Verdict::kInOrder) << "the streams are numbered apart";
  EXPECT_EQ(ledger.take(1, Stream::kAll, 1), Verdict::kInOrder) << "and so are the connections";
}

TEST(Ledger, CountsGapsAndTheEndOfAStreamAsLostUnlessExcused) {
  Ledger ledger(1);
  for (const std::uint32_t number : {1U, 2U, 5U}) {
    (void)ledger.take(0, Stream::kUser, number);
  }
  EXPECT_EQ(ledger.lost(0, Stream::kUser, 7, {}), 4U);  // 3, 4, 6, 7
  EXPECT_EQ(ledger.lost(0, Stream::kUser, 7, {3, 7}), 2U);
  EXPECT_EQ(ledger.lost(0, Stream::kUser, 7, {1, 2, 5}), 4U) << "what came needs no excuse";
  EXPECT_EQ(ledger.lost(0, Stream::kAll, 2, {}), 2U);
  EXPECT_EQ(ledger.lost(0, Stream::kAll, 0, {}), 0U);
}

TEST(TextTemplate, FillsItsPlacesAndLeavesOtherBracesAlone) {
  const TextTemplate text(R"({"to":{"user":"{user}"},"i":{i},"x":{device}{nothing},"p":"{payload}{token}","n":{id}})");
  TemplateValues values{.connection = 9, .user = 4, .device = 1, .id = 77, .token = "T", .payload = "P"};
  EXPECT_EQ(text.fill(values), R"({"to":{"user":"user-4"},"i":9,"x":1{nothing},"p":"PT","n":77})");
  EXPECT_EQ(TextTemplate("plain").fill(values), "plain");
}

TEST(Url, NamesAddressAuthorityAndTarget) {
  const auto url = parse_url("ws://127.0.0.1:8000/ws?user={user}");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->authority, "127.0.0.1:8000");
  EXPECT_EQ(url->target, "/ws?user={user}");
  EXPECT_TRUE(url->address.is_loopback());
  EXPECT_EQ(parse_url("http://[::1]:9?a=b")->target, "/?a=b");
  EXPECT_FALSE(parse_url("http://192.0.2.1:1/")->address.is_loopback());
  for (const char* wrong :
       {"wss://127.0.0.1/", "127.0.0.1:1", "ws://127.0.0.1:0/", "ws://127.0.0.1:x/", "ws://a.b:1/"}) {
    EXPECT_FALSE(parse_url(wrong)) << wrong;
  }
}

std::string server_frame(std::size_t size) {
  std::string frame = "\x81";
  if (size < 126) {
    frame += static_cast<char>(size);
  } else {
    frame += {'\x7e', static_cast<char>(size >> 8), static_cast<char>(size)};
  }
  return frame.append(size, 'x');
}

TEST(ServerFrames, AreTakenOnlyWhole) {
  for (const std::size_t size : {0U, 125U, 126U, 300U}) {
    const std::string frame = server_frame(size);
    for (std::size_t cut = 0; cut < frame.size(); ++cut) {
      std::string_view part = std::string_view(frame).substr(0, cut);
      const auto nothing = next_server_frame(part);
      ASSERT_TRUE(nothing && !*nothing) << cut;
      EXPECT_EQ(part.size(), cut) << "nothing is taken";
    }
    std::string_view whole = frame;
    const auto taken = next_server_frame(whole);
    ASSERT_TRUE(taken && *taken);
    EXPECT_EQ((*taken)->payload.size(), size);
    EXPECT_TRUE(whole.empty());
  }
}

TEST(ServerFrames, AreRefusedWhenNoServerMaySendThem) {
  for (const std::string& wrong : {std::string("\x81\x81....x"), std::string("\xc1\x01x"),
                                   std::string("\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00", 10)}) {
    std::string_view bytes = wrong;
    EXPECT_FALSE(next_server_frame(bytes));
  }
}

TEST(ClientFrames, AreMasked) {
  const std::string frame = client_frame(websocket::Opcode::kText, "hello");
  ASSERT_EQ(frame.size(), 2 + 4 + 5U);
  EXPECT_EQ(frame.substr(0, 2), "\x81\x85");
  std::string text;
  for (std::size_t i = 0; i < 5; ++i) {
    text += static_cast<char>(frame[6 + i] ^ frame[2 + i % 4]);
  }
  EXPECT_EQ(text, "hello");
}

constexpr std::string_view kAnswers =
    "HTTP/1.1 100 Continue\r\n\r\n"
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
    "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\na;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n"
    "HTTP/1.1 204 No Content\r\n\r\n"
    "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";

TEST(AnswerReader, ReadsAnswersHoweverTheyAreCut) {
  for (std::size_t piece = 1; piece < kAnswers.size(); ++piece) {
    AnswerReader reader;
    std::vector<int> seen;
    std::string kept;
    for (std::size_t at = 0; at < kAnswers.size(); at += piece) {
      kept += kAnswers.substr(at, piece);
      std::string_view rest = kept;
      for (auto status = reader.next(rest); status && *status; status = reader.next(rest)) {
        seen.push_back(**status);
      }
      kept = std::string(rest);
    }
    EXPECT_EQ(seen, (std::vector<int>{200, 202, 204, 503})) << piece;
    EXPECT_TRUE(kept.empty());
  }
}

TEST(AnswerReader, RefusesWhatIsNoAnswer) {
  for (const std::string_view wrong :
       {"SSH-2.0-x\r\n\r\n", "HTTP/1.1 xyz\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: ?\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    AnswerReader reader;
    std::string_view bytes = wrong;
    EXPECT_FALSE(reader.next(bytes)) << wrong;
  }
}

}  // namespace
}  // namespace pushwire::bench
