#include "protocol/members.h"

#include <gtest/gtest.h>

#include <string>

namespace pushwire::protocol {
namespace {

constexpr std::array<std::string_view, 2> kNames = {"a", "b"};

Members<2> members_of(std::string_view text) {
  JsonReader reader(text);
  EXPECT_EQ(reader.peek(), JsonKind::kObject);
  const Members<2> members = read_members(reader, kNames);
  EXPECT_TRUE(reader.finish());
  return members;
}

TEST(Members, SortsKnownFromUnknown) {
  const Members<2> members = members_of(R"({"c":0,"b":[1],"d":0})");
  EXPECT_FALSE(members[0].present());
  EXPECT_EQ(members[1].kind, JsonKind::kArray);
  EXPECT_EQ(members[1].raw, "[1]");
  ASSERT_EQ(members.unknown_count, 2U);
  EXPECT_EQ(members.unknown[0].raw, "c");
  EXPECT_EQ(members.unknown[1].raw, "d");
  EXPECT_FALSE(members.repeated || members.repeated_unknown);
}

TEST(Members, KeepsTheQuotesOfAStringInItsBytes) {
  const Members<2> members = members_of(R"({"a":"x\ty"})");
  EXPECT_EQ(members[0].raw, R"("x\ty")");
  EXPECT_EQ(text_of(members[0])->view(), "x\ty");
}

TEST(Members, KnowsNamesHoweverTheyAreEscaped) {
  EXPECT_TRUE(members_of(R"({"\u0061":1})")[0].present());
}

TEST(Members, FindsKnownNamesThatAreRepeated) {
  const Members<2> members = members_of(R"({"a":1,"\u0061":2,"a":3})");
  ASSERT_TRUE(members.repeated.has_value());
  EXPECT_EQ(members.repeated->raw, R"(\u0061)");
  EXPECT_EQ(members[0].raw, "1");
}

TEST(Members, FindsUnknownNamesThatAreRepeated) {
  EXPECT_TRUE(members_of(R"({"x":1,"y":1,"\u0078":1})").repeated_unknown.has_value());
  EXPECT_TRUE(members_of(R"({"\ud800":1,"\ud800":1})").repeated_unknown.has_value());
  EXPECT_FALSE(members_of(R"({"x":1,"X":1,"\ud800":1,"\ud801":1})").repeated_unknown.has_value());
}

TEST(Members, KeepsABoundedNumberOfUnknownNames) {
  std::string text = "{";
  for (int i = 0; i < 100; ++i) {
    text += "\"n" + std::to_string(i) + "\":0,";
  }
  const Members<2> members = members_of(text + R"("a":1})");
  EXPECT_EQ(members.unknown_count, MemberFaults::kMaxUnknown);
  EXPECT_TRUE(members[0].present());
}

TEST(Members, TextIsAViewUnlessItIsEscaped) {
  const std::string_view json = R"({"a":"plain","b":"\u0041"})";
  const Members<2> members = members_of(json);
  const std::optional<Text> plain = text_of(members[0]);
  EXPECT_FALSE(plain->is_owned());
  EXPECT_EQ(plain->view().data(), json.data() + json.find("plain"));
  const std::optional<Text> escaped = text_of(members[1]);
  EXPECT_TRUE(escaped->is_owned());
  EXPECT_EQ(escaped->view(), "A");
}

TEST(Members, OnlyStringsWithoutLoneSurrogatesHaveText) {
  const Members<2> members = members_of(R"({"a":"\udc00","b":1})");
  EXPECT_FALSE(text_of(members[0]).has_value());
  EXPECT_FALSE(text_of(members[1]).has_value());
  EXPECT_FALSE(text_of(Member{}).has_value());
}

}  // namespace
}  // namespace pushwire::protocol
