#include "http/query.h"

#include <gtest/gtest.h>

namespace pushwire::http {
namespace {

using namespace std::string_view_literals;

TEST(DecodeComponent, DecodesEscapesAndOnlyInQueriesPlus) {
  EXPECT_EQ(decode_component("a%20b+c%2F%c3%A9", PlusSign::kLiteral), "a b+c/\xc3\xa9");
  EXPECT_EQ(decode_component("a%20b+c%2B", PlusSign::kSpace), "a b c+");
  EXPECT_EQ(decode_component("", PlusSign::kSpace), "");
}

TEST(DecodeComponent, RefusesBadEscapes) {
  for (const auto text : {"%"sv, "%1"sv, "a%"sv, "%g1"sv, "%1g"sv, "%%41"sv, "% 1"sv, "%+1"sv, "%-1"sv, "%u0041"sv}) {
    EXPECT_EQ(decode_component(text, PlusSign::kSpace), std::nullopt) << text;
  }
}

TEST(DecodeComponent, RefusesNulAndWhatIsNotUtf8) {
  for (const auto text : {"%00"sv, "a\0b"sv, "%ff"sv, "%c3"sv, "%c0%80"sv, "%ed%a0%80"sv, "\xff"sv, "%f4%90%80%80"sv}) {
    EXPECT_EQ(decode_component(text, PlusSign::kSpace), std::nullopt) << text;
  }
}

TEST(DecodeComponent, DecodesOnceOnly) {
  EXPECT_EQ(decode_component("%2541", PlusSign::kSpace), "%41");
}

TEST(Query, KeepsOrderAndRepeats) {
  const auto query = Query::parse("a=1&b=x=y&a=2&&flag&e=");
  ASSERT_TRUE(query);
  ASSERT_EQ(query->items().size(), 5U);
  EXPECT_EQ(query->find("a"), "1");
  EXPECT_EQ(query->count("a"), 2U);
  EXPECT_EQ(query->find("b"), "x=y");
  EXPECT_EQ(query->find("flag"), "");
  EXPECT_EQ(query->find("e"), "");
  EXPECT_EQ(query->find("none"), std::nullopt);
  EXPECT_EQ(query->count("none"), 0U);
}

TEST(Query, DecodesKeysToo) {
  const auto query = Query::parse("t%6Fken=a%26b+c&tok%3Den=1");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->find("token"), "a&b c");
  EXPECT_EQ(query->find("tok=en"), "1");
}

TEST(Query, RefusesBadEncodingAnywhere) {
  EXPECT_FALSE(Query::parse("a=1&b=%zz"));
  EXPECT_FALSE(Query::parse("%zz=1"));
  EXPECT_FALSE(Query::parse("a=%00"));
}

TEST(Query, BoundsTheNumberOfItems) {
  std::string raw;
  for (std::size_t i = 0; i < Query::kMaxItems; ++i) {
    raw += "a&";
  }
  EXPECT_TRUE(Query::parse(raw));
  EXPECT_FALSE(Query::parse(raw + "a"));
}

TEST(Query, EmptyIsEmpty) {
  const auto query = Query::parse("");
  ASSERT_TRUE(query);
  EXPECT_TRUE(query->items().empty());
}

}  // namespace
}  // namespace pushwire::http
