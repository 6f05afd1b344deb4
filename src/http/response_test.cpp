#include "http/response.h"

#include <gtest/gtest.h>

namespace pushwire::http {
namespace {

std::string bytes_of(const Response& response, const AnswerForm& form) {
  std::string out = "before";
  response.append_to(out, form, "DATE");
  EXPECT_TRUE(out.starts_with("before"));
  return out.substr(6);
}

TEST(Response, AppendsHeadAndBody) {
  EXPECT_EQ(bytes_of(Response::json(200, "{}").with("Retry-After", "1"), {false, true, 1}),
            "HTTP/1.1 200 OK\r\nDate: DATE\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            "Retry-After: 1\r\n\r\n{}");
}

TEST(Response, HeadGetsTheLengthWithoutTheBody) {
  EXPECT_EQ(bytes_of(Response::page("text/html", "12345"), {true, true, 1}),
            "HTTP/1.1 200 OK\r\nDate: DATE\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n");
}

TEST(Response, SaysCloseWhenTheConnectionEnds) {
  EXPECT_NE(bytes_of(Response{}, {false, false, 1}).find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_NE(bytes_of(Response{}.and_close(), {false, true, 1}).find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_NE(bytes_of(Response{}, {false, true, 0}).find("\r\nConnection: keep-alive\r\n"), std::string::npos);
  EXPECT_EQ(bytes_of(Response{}, {false, true, 1}).find("Connection"), std::string::npos);
}

TEST(Response, JoinsConnectionOptions) {
  const std::string text = bytes_of(Response{}.with("Connection", "Upgrade").and_close(), {false, true, 1});
  EXPECT_NE(text.find("\r\nConnection: Upgrade, close\r\n"), std::string::npos);
  EXPECT_EQ(text.find("Connection"), text.rfind("Connection"));
}

TEST(Response, NoContentHasNoLength) {
  Response response;
  response.status = 204;
  EXPECT_EQ(bytes_of(response, {false, true, 1}), "HTTP/1.1 204 No Content\r\nDate: DATE\r\n\r\n");
}

TEST(Response, ErrorsAreEscapedJson) {
  EXPECT_EQ(json_error_body("bad", "say \"no\"\n", {.field = "to.user", .byte = 7}),
            R"({"error":{"code":"bad","message":"say \"no\"\n","field":"to.user","byte":7}})");
  const Response response = json_error(404, "not_found", "no such path");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.content(), R"({"error":{"code":"not_found","message":"no such path"}})");
}

TEST(Response, ByteZeroIsSaid) {
  EXPECT_EQ(json_error_body("c", "m", {.field = {}, .byte = 0}), R"({"error":{"code":"c","message":"m","byte":0}})");
}

TEST(DateCache, WritesTheDateOfEachSecond) {
  DateCache cache;
  EXPECT_EQ(cache.at(784'111'777'000), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(cache.at(784'111'777'999), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(cache.at(1'709'164'800'000), "Thu, 29 Feb 2024 00:00:00 GMT");
}

}  // namespace
}  // namespace pushwire::http
