#include "http/request_rules.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "http/testing_parse.h"

// Through the parser, since it is the sum of Beast's checks and ours that must hold (reference/attacks.md 18 to 21).
namespace pushwire::http {
namespace {

using testing::parse_in_pieces;
using testing::parse_whole;
using testing::Parsed;

int status_of(std::string_view bytes) {
  const Parsed whole = parse_whole(bytes);
  EXPECT_EQ(parse_in_pieces(bytes, 1, 1), whole);
  EXPECT_NE(whole.state, ParseState::kNeedMore) << bytes;
  return whole.state == ParseState::kComplete ? 200 : whole.status;
}

// A POST with these header lines, and room for whatever they say about a body.
int post(std::string_view headers, std::string_view body = "") {
  return status_of(fmt::format("POST /p HTTP/1.1\r\nHost: h\r\n{}\r\n{}", headers, body));
}

int get(std::string_view target) {
  return status_of(fmt::format("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", target));
}

TEST(RequestSmuggling, RefusesContentLengthBesideTransferEncodingInEitherOrder) {
  EXPECT_EQ(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400);
  EXPECT_EQ(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400);
  EXPECT_EQ(post("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", "01234"), 400);
  EXPECT_EQ(post("Transfer-Encoding: x\r\nContent-Length: 5\r\n", "01234"), 400);
}

TEST(RequestSmuggling, RefusesASecondContentLengthEvenAnEqualOne) {
  EXPECT_EQ(post("Content-Length: 5\r\nContent-Length: 5\r\n", "01234"), 400);
  EXPECT_EQ(post("Content-Length: 5\r\nContent-Length: 6\r\n", "01234"), 400);
  EXPECT_EQ(post("Content-Length: 5, 5\r\n", "01234"), 400);
}

TEST(RequestSmuggling, RefusesContentLengthThatIsNoPlainNumber) {
  for (const char* length : {"", "+5", "-5", "0x5", "5 5", "5,", ",5", "5;a", "\"5\"", "5.0", "five", "1e1"}) {
    EXPECT_EQ(post(fmt::format("Content-Length: {}\r\n", length), "01234"), 400) << length;
  }
  EXPECT_EQ(post("Content-Length: 0005\r\n", "01234"), 200);
}

TEST(RequestSmuggling, RefusesTransferEncodingsOtherThanChunked) {
  for (const char* coding : {"gzip, chunked", "chunked, gzip", "chunked, chunked", "identity", "xchunked",
                             "chunked;a=b", "\"chunked\"", "chunked\x0b", "", ",chunked", "chunked,"}) {
    const int status = post(fmt::format("Transfer-Encoding: {}\r\n", coding), "0\r\n\r\n");
    EXPECT_TRUE(status == 501 || status == 400) << coding << " " << status;
  }
  EXPECT_EQ(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400);
  EXPECT_EQ(post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400);
  EXPECT_EQ(post("Transfer-Encoding: \t chunked \t\r\n", "0\r\n\r\n"), 200);
}

TEST(RequestSmuggling, RefusesTransferEncodingInHttp10) {
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
}

TEST(RequestSmuggling, RefusesSpaceBeforeTheColonAndAroundNames) {
  EXPECT_EQ(post("Content-Length : 5\r\n", "01234"), 400);
  EXPECT_EQ(post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\n Host: h\r\n\r\n"), 400);
  EXPECT_EQ(post(": 5\r\n"), 400);
  EXPECT_EQ(post("no colon\r\n"), 400);
}

TEST(RequestSmuggling, RefusesFoldedHeaders) {
  EXPECT_EQ(post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400);
  EXPECT_EQ(post("X: a\r\n\tContent-Length: 5\r\n", "01234"), 400);
}

TEST(RequestSmuggling, RefusesBareCrAndBareLf) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: h\n\n"), 400);
  EXPECT_EQ(post("X: a\nContent-Length: 5\r\n", "01234"), 400);
  EXPECT_EQ(post("X: a\rContent-Length: 5\r\n", "01234"), 400);
  EXPECT_EQ(post("X: a\r\r\n"), 400);
  EXPECT_EQ(post("\n"), 400);
}

TEST(RequestSmuggling, RefusesControlCharactersInNamesAndValues) {
  for (int c = 0; c < 0x20; ++c) {
    if (c != '\t' && c != '\r' && c != '\n') {
      const char byte = static_cast<char>(c);
      EXPECT_EQ(post(fmt::format("X: a{}b\r\n", byte)), 400) << c;
      EXPECT_EQ(post(fmt::format("X{}: b\r\n", byte)), 400) << c;
    }
  }
  EXPECT_EQ(post("X: a\x7f\r\n"), 400);
  EXPECT_EQ(post("X: tab\tand \xc3\xa9\r\n"), 200);
  for (const char name : {'(', ')', '<', '>', '@', ',', ';', '\\', '"', '/', '[', ']', '?', '=', '{', '}', '\xc3'}) {
    EXPECT_EQ(post(fmt::format("X{}Y: b\r\n", name)), 400) << name;
  }
}

TEST(RequestRules, OneHostInHttp11) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400);
  for (const char* host : {"a b", "a/b", "user@a", "a, b/", "a\\b", "a?b", "\"a\"", "a\tb", "<a>"}) {
    EXPECT_EQ(status_of(fmt::format("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host)), 400) << host;
  }
  for (const char* host : {"a", "a.example:8000", "127.0.0.1:1", "[::1]:8000", "a_b"}) {
    EXPECT_EQ(status_of(fmt::format("GET / HTTP/1.1\r\nhOsT: {}\r\n\r\n", host)), 200) << host;
  }
}

TEST(RequestRules, Http10NeedsNoHostButTakesNoTwo) {
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 200);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
}

TEST(RequestRules, AbsoluteTargetGivesPathAndHost) {
  EXPECT_TRUE(parse_whole("GET http://other:1/p?q HTTP/1.1\r\nHost: h\r\n\r\n")
                  .text.starts_with("GET|http://other:1/p?q|/p|q|other:1|"));
  EXPECT_TRUE(parse_whole("GET WS://other HTTP/1.1\r\nHost: h\r\n\r\n").text.starts_with("GET|WS://other|/||other|"));
  EXPECT_TRUE(
      parse_whole("GET http://o?q=/ HTTP/1.1\r\nHost: h\r\n\r\n").text.starts_with("GET|http://o?q=/|/|q=/|o|"));
  for (const char* target : {"http://", "http:///p", "http://u@h/", "ftp://h/", "http:/p", "//h", "://h/"}) {
    EXPECT_EQ(get(target), std::string_view(target) == "//h" ? 200 : 400) << target;
  }
}

TEST(RequestRules, RefusesOtherTargetForms) {
  EXPECT_EQ(get("*"), 400);
  EXPECT_EQ(status_of("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status_of("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status_of("CONNECT /p HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(get("v1/push"), 400);
  EXPECT_EQ(get("/p#fragment"), 400);
  EXPECT_EQ(get("/a b"), 400);
  EXPECT_EQ(get("/a\tb"), 400);
  EXPECT_EQ(status_of("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /  HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1 \r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / http/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status_of("G@T / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
}

TEST(RequestRules, UnknownMethodsAreForTheRoutes) {
  EXPECT_EQ(status_of("get / HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
  EXPECT_EQ(status_of("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
}

// Attack 20: giant and malformed WebSocket headers cost no more than any other header.
TEST(RequestRules, WebSocketHeadersOfAnyShapeAreJustText) {
  std::string protocols = "Sec-WebSocket-Protocol: a";
  for (int i = 0; i < 2000; ++i) {
    protocols += ", a";
  }
  EXPECT_EQ(post(protocols + "\r\n"), 200);
  EXPECT_EQ(post("Sec-WebSocket-Extensions: a;b=\"" + std::string(7000, '\\') + "\r\n"), 200);
}

}  // namespace
}  // namespace pushwire::http
