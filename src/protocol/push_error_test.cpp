#include "protocol/push_error.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/utf8.h"

namespace pushwire::protocol {
namespace {

Members<1> members_of(std::string_view text) {
  constexpr std::array<std::string_view, 1> kNames = {"to"};
  JsonReader reader(text);
  reader.peek();
  return read_members(reader, kNames);
}

TEST(PushError, BadJsonNamesTheByteAndWhatWasExpected) {
  JsonReader reader("[1 2]");
  reader.skip_value();
  const PushError error = bad_json(reader);
  EXPECT_EQ(error.status, 400);
  EXPECT_EQ(error.byte, 3U);
  EXPECT_EQ(error.message, "not JSON: ',' or ']' was expected at byte 3");
}

TEST(PushError, GoodNamesAreNoError) {
  const std::string_view text = R"({"to":1})";
  const Members<1> members = members_of(text);
  EXPECT_FALSE(repeated_error(members, "", text).has_value());
  EXPECT_FALSE(unknown_error(members, "").has_value());
}

TEST(PushError, CountsBytesFromTheBodyNotFromThePart) {
  const std::string_view body = R"(  {"to":1,"to":2})";
  EXPECT_EQ(repeated_error(members_of(body.substr(2)), "a.", body)->byte, 10U);
  EXPECT_EQ(repeated_error(members_of(body.substr(2)), "a.", body)->field, "a.to");
}

TEST(PushError, CutsLongForeignNamesBetweenCharacters) {
  std::string name = "x";
  for (int i = 0; i < 1000; ++i) {
    name += "\u20ac";
  }
  const std::string text = "{\"" + name + "\":1}";
  const std::optional<PushError> error = unknown_error(members_of(text), "");
  ASSERT_TRUE(error.has_value());
  EXPECT_LE(error->field.size(), 67U);
  EXPECT_TRUE(error->field.ends_with("..."));
  EXPECT_TRUE(is_valid_utf8(error->field));
}

}  // namespace
}  // namespace pushwire::protocol
