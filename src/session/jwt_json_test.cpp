#include "session/jwt_json.h"

#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <string>

namespace pushwire::session {
namespace {

TEST(JwtJson, ReadsOneObject) {
  const auto object = parse_strict_object(R"( {"a":"x:\"y:","b":[{"c":1},{"c":2}],"d":{}} )");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->at("b").as_array().size(), 2U);
}

TEST(JwtJson, RefusesAMemberTwiceAtAnyLevel) {
  for (const char* text : {R"({"a":1,"a":1})", R"({"a":1,"\u0061":2})", R"({"a":{"b":1,"b":2}})",
                           R"({"a":[{"b":1,"b":2}]})", R"({"a":{"x":1},"a":{"x":1,"y":2}})"}) {
    EXPECT_FALSE(parse_strict_object(text)) << text;
  }
}

TEST(JwtJson, RefusesWhatIsNoSingleObject) {
  for (const char* text : {"", "[]", "1", "null", "{", "{}{}", "{} x", R"({"a":1,})", R"({'a':1})", R"({"a":NaN})",
                           "{\"a\":\"\xff\"}", R"({"a":"\ud800"})", "\xef\xbb\xbf{}"}) {
    EXPECT_FALSE(parse_strict_object(text)) << text;
  }
}

TEST(JwtJson, RefusesDeepNesting) {
  EXPECT_FALSE(parse_strict_object(R"({"a":)" + std::string(2000, '[') + std::string(2000, ']') + "}"));
}

}  // namespace
}  // namespace pushwire::session
