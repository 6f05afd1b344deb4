#include "http/request.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace pushwire::http {
namespace {

TEST(Request, FindsHeadersWithoutRegardToCase) {
  const std::array<Header, 4> headers = {{{"Origin", "a"}, {"X", "1"}, {"ORIGIN", "b"}, {"Originator", "c"}}};
  Request request;
  request.headers = headers;
  EXPECT_EQ(request.header("origin"), "a");
  EXPECT_EQ(request.header("x"), "1");
  EXPECT_EQ(request.header("y"), std::nullopt);
  EXPECT_EQ(request.count("oRiGiN"), 2U);
  EXPECT_EQ(request.count("y"), 0U);
  std::string all;
  for (const std::string_view value : request.values("origin")) {
    all += value;
  }
  EXPECT_EQ(all, "ab");
  for (const std::string_view value : request.values("none")) {
    ADD_FAILURE() << value;
  }
}

TEST(Request, MethodsAreCaseSensitiveAndComplete) {
  for (const char* name : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"}) {
    EXPECT_EQ(method_name(method_of(name)), name);
  }
  EXPECT_EQ(method_of("get"), Method::kOther);
  EXPECT_EQ(method_of(""), Method::kOther);
  EXPECT_EQ(method_name(Method::kOther), "");
}

TEST(Request, ListsAreSplitAtCommas) {
  EXPECT_TRUE(list_has_token("keep-alive, Upgrade", "upgrade"));
  EXPECT_TRUE(list_has_token(",, upgrade\t,", "upgrade"));
  EXPECT_FALSE(list_has_token("upgraded", "upgrade"));
  EXPECT_FALSE(list_has_token("up grade", "upgrade"));
  EXPECT_FALSE(list_has_token("", "upgrade"));
}

TEST(Request, LettersBeyondAsciiHaveNoCase) {
  EXPECT_TRUE(equals_ignoring_case("aZ[", "Az["));
  EXPECT_FALSE(equals_ignoring_case("\xc3\x84", "\xc3\xa4"));
  EXPECT_FALSE(equals_ignoring_case("@", "`"));
}

}  // namespace
}  // namespace pushwire::http
