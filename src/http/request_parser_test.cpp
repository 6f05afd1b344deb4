#include "http/request_parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "http/testing_parse.h"

namespace pushwire::http {
namespace {

using testing::parse_in_pieces;
using testing::parse_whole;
using testing::Parsed;

// Whole, split at every byte, byte by byte: all must agree.
Parsed parse(std::string_view bytes, const ParserLimits& limits = {}) {
  const Parsed whole = parse_whole(bytes, limits);
  EXPECT_EQ(parse_in_pieces(bytes, 1, 1, limits), whole) << "byte by byte: " << bytes;
  for (std::size_t i = 0; i < bytes.size() && bytes.size() < 2000; ++i) {
    EXPECT_EQ(parse_in_pieces(bytes, i, bytes.size(), limits), whole) << "split at " << i << ": " << bytes;
  }
  return whole;
}

void expect_error(std::string_view bytes, int status, const ParserLimits& limits = {}) {
  const Parsed parsed = parse(bytes, limits);
  EXPECT_EQ(parsed.state, ParseState::kError) << bytes;
  EXPECT_EQ(parsed.status, status) << bytes;
}

TEST(RequestParser, ReadsARequestWithoutBody) {
  const Parsed parsed = parse("GET /v1/users/a%20b?x=1&y HTTP/1.1\r\nHost: h:1\r\nX-Two:  a b \t\r\nEmpty:\r\n\r\n");
  EXPECT_EQ(parsed.state, ParseState::kComplete);
  EXPECT_EQ(parsed.head_dones, 0U);
  EXPECT_EQ(parsed.text,
            "GET|/v1/users/a%20b?x=1&y|/v1/users/a%20b|x=1&y|h:1|keep\nHost: h:1\nX-Two: a b\nEmpty: \n\n");
}

TEST(RequestParser, ReadsABodyOfGivenLengthAndLeavesWhatFollows) {
  const std::string_view bytes = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n";
  const Parsed parsed = parse(bytes);
  EXPECT_EQ(parsed.state, ParseState::kComplete);
  EXPECT_EQ(parsed.head_dones, 1U);
  EXPECT_EQ(parsed.consumed, bytes.find("GET"));
  EXPECT_TRUE(parsed.text.ends_with("\n\nhello"));
}

TEST(RequestParser, ReadsAChunkedBodyAndDropsTrailers) {
  const std::string_view bytes =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "4\r\nWiki\r\n0000A;name=\"va;l\";b\r\npedia in\r\n\r\n0\r\nX-Trailer: dropped\r\nY: z\r\n\r\nNEXT";
  const Parsed parsed = parse(bytes);
  EXPECT_EQ(parsed.state, ParseState::kComplete);
  EXPECT_EQ(parsed.consumed, bytes.find("NEXT"));
  EXPECT_TRUE(parsed.text.ends_with("\n\nWikipedia in\r\n")) << parsed.text;
  EXPECT_EQ(parsed.text.find("dropped"), std::string::npos);
}

TEST(RequestParser, ReadsAnEmptyChunkedBody) {
  const Parsed parsed = parse("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_EQ(parsed.state, ParseState::kComplete);
  EXPECT_EQ(parsed.head_dones, 1U);
}

TEST(RequestParser, ReadsOneRequestAfterAnotherAfterReset) {
  RequestParser parser;
  std::string_view bytes = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const std::string_view path : {"/1", "/2"}) {
    const FeedResult result = parser.feed(bytes);
    ASSERT_EQ(result.state, ParseState::kComplete);
    EXPECT_EQ(parser.request().path, path);
    bytes.remove_prefix(result.consumed);
    EXPECT_TRUE(parser.started());
    parser.reset({});
    EXPECT_FALSE(parser.started());
    EXPECT_FALSE(parser.has_head());
  }
  EXPECT_TRUE(bytes.empty());
}

TEST(RequestParser, AcceptsOneEmptyLineBeforeTheRequest) {
  EXPECT_EQ(parse("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").state, ParseState::kComplete);
  expect_error("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400);
}

TEST(RequestParser, KeepAliveFollowsVersionAndConnection) {
  const auto keeps = [](std::string_view version, std::string_view connection) {
    const Parsed parsed = parse(fmt::format("GET / HTTP/{}\r\nHost: h\r\n{}\r\n", version, connection));
    EXPECT_EQ(parsed.state, ParseState::kComplete);
    return parsed.text.find("|keep") != std::string::npos;
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_FALSE(keeps("1.1", "Connection: foo, CLOSE\r\n"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "connection: Keep-Alive\r\n"));
}

TEST(RequestParser, KnowsUpgradeAndExpect) {
  EXPECT_NE(parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n")
                .text.find("+upgrade"),
            std::string::npos);
  EXPECT_EQ(parse("GET / HTTP/1.0\r\nConnection: Upgrade\r\n\r\n").text.find("+upgrade"), std::string::npos);
  EXPECT_NE(
      parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\nx").text.find("+expect"),
      std::string::npos);
  expect_error("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 200-ok\r\n\r\n", 417);
}

TEST(RequestParser, RefusesAHeadOverItsLimitWithoutKeepingMore) {
  ParserLimits limits;
  limits.head_bytes = 100;
  const std::string fits = fmt::format("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", std::string(69, 'x'));
  ASSERT_EQ(fits.size(), 101U);
  EXPECT_EQ(parse(std::string(fits).erase(50, 1), limits).state, ParseState::kComplete);
  expect_error(fits, 431, limits);
  EXPECT_EQ(parse(std::string(5000, 'G'), limits).consumed, 100U);
  expect_error(std::string(5000, 'G'), 431, limits);
}

TEST(RequestParser, RefusesTooManyHeadersBeforeTheHeadEnds) {
  ParserLimits limits;
  limits.headers = 3;
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\na: 1\r\nb: 2\r\n\r\n", limits).state, ParseState::kComplete);
  expect_error("GET / HTTP/1.1\r\nHost: h\r\na: 1\r\nb: 2\r\nc: 3\r\n", 431, limits);
}

TEST(RequestParser, RefusesATargetOverItsLimit) {
  ParserLimits limits;
  limits.target_bytes = 10;
  EXPECT_EQ(parse("GET /123456789 HTTP/1.1\r\nHost: h\r\n\r\n", limits).state, ParseState::kComplete);
  expect_error("GET /123456789a HTTP/1.1\r\nHost: h\r\n\r\n", 431, limits);
}

TEST(RequestParser, RefusesBodyOverLimitOnItsLengthAlone) {
  ParserLimits limits;
  limits.body_bytes = 10;
  EXPECT_EQ(parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789", limits).state,
            ParseState::kComplete);
  for (const char* length : {"11", "18446744073709551615"}) {
    const auto bytes = fmt::format("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", length);
    const Parsed parsed = parse(bytes, limits);
    EXPECT_EQ(parsed.status, 413);
    EXPECT_EQ(parsed.consumed, bytes.size());
    EXPECT_TRUE(parsed.text.starts_with("POST|/p|")) << "the head is known, so that 401 and 404 can come first";
  }
  expect_error("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\n", 400, limits);
}

TEST(RequestParser, RefusesChunkedBodyOverLimitOnTheSizeLine) {
  ParserLimits limits;
  limits.body_bytes = 10;
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(parse(head + "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", limits).state, ParseState::kComplete);
  expect_error(head + "5\r\n01234\r\n6\r\n", 413, limits);
  expect_error(head + "b\r\n", 413, limits);
  expect_error(head + "FFFFFFFFFFFFFFFF\r\n", 413, limits);
}

TEST(RequestParser, RefusesMalformedChunks) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* body : {"g\r\n",
                           "\r\n",
                           "-1\r\n",
                           "+1\r\n",
                           "0x5\r\n",
                           " 5\r\n",
                           "5 5\r\n",
                           "5 \r\n",
                           "10000000000000000\r\n",
                           "5;\r\n",
                           "5;=x\r\n",
                           "5;a=\"\r\n",
                           "5;a b\r\n",
                           "5\n01234",
                           "5\r01234",
                           "1\r\naX\r\n",
                           "1\r\na0\r\n\r\n",
                           "1\r\na\n0\r\n\r\n",
                           "1\r\na\r\x08",
                           "5;a=\"\x01\"\r\n",
                           "0;\r\n\r\n",
                           "0\r\nbad trailer\r\n\r\n",
                           "0\r\n folded: x\r\n\r\n",
                           "0\r\nx: y\n\r\n",
                           "0\r\nContent-Length: 5\r\n\r\n",
                           "0\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    expect_error(head + body, 400);
  }
}

TEST(RequestParser, BoundsSizeLinesExtensionsAndTrailers) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  expect_error(head + "1;" + std::string(300, 'a'), 400);
  expect_error(head + std::string(300, '0'), 400);
  std::string many = head;
  for (int i = 0; i < 30; ++i) {
    many += "1;" + std::string(200, 'a') + "\r\nx\r\n";
  }
  expect_error(many, 400);
  ParserLimits limits;
  limits.trailer_bytes = 50;
  limits.chunk_line_bytes = 20;
  expect_error(head + "0\r\nX: " + std::string(100, 'a'), 431, limits);
  limits.trailer_bytes = 4096;
  limits.headers = 3;
  expect_error(head + "0\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n", 431, limits);
}

TEST(RequestParser, StaysRefusedAndConsumesNothingMore) {
  RequestParser parser;
  ASSERT_EQ(parser.feed("GET\n").state, ParseState::kError);
  const FeedResult again = parser.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(again.state, ParseState::kError);
  EXPECT_EQ(again.consumed, 0U);
  EXPECT_EQ(again.error.status, 400);
}

TEST(RequestParser, RefusesForeignProtocolsAtOnce) {
  expect_error("\x16\x03\x01\x02", 400);                  // TLS
  expect_error("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);  // HTTP/2
  expect_error("GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505);
  expect_error("GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505);
  expect_error("GET /\r\n\r\n", 400);  // HTTP/0.9
}

}  // namespace
}  // namespace pushwire::http
