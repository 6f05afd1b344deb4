#include "base/json_reader.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace pushwire {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

// Npos for a text that is accepted, else the byte of its fault.
std::size_t fault_byte(std::string_view text) {
  JsonReader reader(text);
  reader.skip_value();
  return reader.finish() ? std::string_view::npos : reader.fault().byte;
}

struct Refused {
  std::string_view text;
  std::size_t byte;
};

void expect_refused(const std::vector<Refused>& table) {
  for (const Refused& entry : table) {
    EXPECT_EQ(fault_byte(entry.text), entry.byte) << entry.text;
  }
}

void expect_accepted(const std::vector<std::string_view>& texts) {
  for (const std::string_view text : texts) {
    EXPECT_EQ(fault_byte(text), std::string_view::npos) << text;
  }
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

std::optional<JsonString> string_of(std::string_view text) {
  JsonReader reader(text);
  EXPECT_EQ(reader.peek(), JsonKind::kString);
  const std::optional<JsonString> string = reader.read_string();
  return reader.finish() ? string : std::nullopt;
}

TEST(JsonReader, AcceptsEveryKindOfValueAtTheTop) {
  expect_accepted({"null", "true", "false", "0", "\"\"", "\"a\"", "[]", "{}", " \t\r\n[ \t\r\n] \t\r\n", "{ }"});
}

TEST(JsonReader, AcceptsNestedContainers) {
  expect_accepted({"[[]]", "[[],[],{}]", R"({"a":[],"b":{"c":[1,{"d":null}]},"a":0})", R"([{"":""},[1,[2,[3]]],4])",
                   "[ 1 , 2 ]", R"( { "a" : 1 , "b" : 2 } )"});
}

TEST(JsonReader, AcceptsEveryFormOfNumber) {
  expect_accepted({"-0", "0", "10", "-10", "1.5", "0.0", "-0.0", "1e1", "1E1", "1e+1", "1E-1", "0e0", "1.25e10",
                   "123456789012345678901234567890", "1e999", "-1e-999"});
}

TEST(JsonReader, AcceptsEveryEscape) {
  expect_accepted({R"("\"\\\/\b\f\n\r\t\u0000\uFFFF\uabCD")", R"("\ud83d\ude00")", "\"\x7f\"",
                   "\"\u00e9\u20ac\U0001F600\U0010FFFF\""});
}

TEST(JsonReader, AcceptsEscapedLoneSurrogatesAsTheGrammarDoes) {
  expect_accepted({R"("\ud800")", R"("\udc00")", R"({"\udfff":"\ud800\ud800"})"});
}

TEST(JsonReader, RefusesWhatIsNoValue) {
  expect_refused({{"", 0},
                  {" ", 1},
                  {"a", 0},
                  {"'a'", 0},
                  {"+1", 0},
                  {".5", 0},
                  {"]", 0},
                  {"}", 0},
                  {",", 0},
                  {":", 0},
                  {"NaN", 0},
                  {"Infinity", 0},
                  {"-Infinity", 1},
                  {"undefined", 0},
                  {"/**/1", 0},
                  {"\v1", 0},
                  {"\0"sv, 0}});
}

TEST(JsonReader, RefusesWrongLiteralsAtTheWrongLetter) {
  expect_refused({{"tru", 3}, {"True", 0}, {"trUe", 2}, {"nul", 3}, {"nulL", 3}, {"fals", 4}, {"falze", 3}});
}

TEST(JsonReader, RefusesWrongNumbersAtTheWrongDigit) {
  expect_refused({{"01", 1},
                  {"-01", 2},
                  {"-", 1},
                  {"-a", 1},
                  {"1.", 2},
                  {"1.e1", 2},
                  {"1e", 2},
                  {"1e+", 3},
                  {"1e-x", 3},
                  {"0x10", 1},
                  {"1_000", 1},
                  {"--1", 1},
                  {"1.2.3", 3},
                  {"[1.]", 3},
                  {"[-]", 2},
                  {"1e1.5", 3},
                  {"00", 1}});
}

TEST(JsonReader, RefusesWrongCommasAndColons) {
  expect_refused({{"[,]", 1},
                  {"[1,]", 3},
                  {"[1,,2]", 3},
                  {"[1 2]", 3},
                  {"[1:2]", 2},
                  {"{,}", 1},
                  {R"({"a":1,})", 7},
                  {R"({"a":1,,"b":2})", 7},
                  {R"({"a" 1})", 5},
                  {R"({"a":})", 5},
                  {R"({"a"})", 4},
                  {R"({"a":1 "b":2})", 7},
                  {R"({a:1})", 1},
                  {R"({1:1})", 1},
                  {R"({null:1})", 1},
                  {R"({"a"::1})", 5},
                  {R"({'a':1})", 1},
                  {R"({"a",1})", 4}});
}

TEST(JsonReader, RefusesContainersThatAreNotClosedOrCrossed) {
  expect_refused({{"[", 1},
                  {"{", 1},
                  {"[1", 2},
                  {"[1,", 3},
                  {R"({"a")", 4},
                  {R"({"a":)", 5},
                  {R"({"a":1)", 6},
                  {R"({"a":1,)", 7},
                  {"[}", 1},
                  {"{]", 1},
                  {"[1}", 2},
                  {R"({"a":1])", 6},
                  {"[[1]", 4}});
}

TEST(JsonReader, RefusesAnythingAfterTheValue) {
  expect_refused(
      {{"1 2", 2}, {"[]]", 2}, {"{}}", 2}, {"[],", 2}, {"null x", 5}, {"\"\"\"", 2}, {"{} {}", 3}, {"1\0"sv, 1}});
}

TEST(JsonReader, RefusesAByteOrderMark) {
  expect_refused({{"\xef\xbb\xbf{}", 0}, {"\xff\xfe[\0]\0"sv, 0}});
}

TEST(JsonReader, RefusesRawControlCharactersInStrings) {
  for (char c = 0; c < 0x20; ++c) {
    const std::string text = "\"ab"s + c + "\"";
    EXPECT_EQ(fault_byte(text), 3U) << int{c};
  }
}

TEST(JsonReader, RefusesWrongEscapesAtTheWrongByte) {
  expect_refused({{R"("\x41")", 2},
                  {R"("\")", 3},
                  {R"("\)", 2},
                  {R"("\u")", 3},
                  {R"("\u12")", 5},
                  {R"("\u12g4")", 5},
                  {R"("\U0041")", 2},
                  {R"("\'")", 2},
                  {R"("\a")", 2},
                  {R"("\u123)", 6},
                  {R"("\0")", 2},
                  {"\"\\\n\"", 2}});
}

TEST(JsonReader, RefusesStringsThatAreNotClosed) {
  expect_refused({{"\"", 1}, {"\"a", 2}, {"\"abcdefghijklmnop", 17}, {"[\"a", 3}, {"{\"a", 3}});
}

TEST(JsonReader, RefusesBadUtf8AtTheFirstWrongByte) {
  expect_refused({{"\"\x80\"", 1},
                  {"\"\xc0\xaf\"", 1},
                  {"\"\xc1\xbf\"", 1},
                  {"\"\xc3\"", 2},
                  {"\"\xe0\x9f\xbf\"", 2},
                  {"\"\xed\xa0\x80\"", 2},
                  {"\"\xf0\x8f\xbf\xbf\"", 2},
                  {"\"\xf4\x90\x80\x80\"", 2},
                  {"\"\xf5\"", 1},
                  {"\"\xff\"", 1},
                  {"\"\xe2\x82\"", 3},
                  {"\"\xe2\x82", 3},
                  {"\"\xf0\x9f\x98\x28\"", 4},
                  {"{\"\xc3(\":1}", 3},
                  {"\xc3\xa9", 0}});
}

TEST(JsonReader, FindsFaultsAtEveryPlaceOfALongString) {
  // The scan takes eight bytes at a time; the fault must be found wherever it falls among them.
  for (const char bad : {'\x01', '\x1f', '\xff', '\x80'}) {
    for (std::size_t at = 0; at < 40; ++at) {
      std::string text(40, 'x');
      text[at] = bad;
      EXPECT_EQ(fault_byte('"' + text + '"'), at + 1);
    }
  }
}

TEST(JsonReader, EndsStringsAtTheFirstQuoteWhereverItStands) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string text = '"' + std::string(size, '\x7f') + '"';
    const std::optional<JsonString> string = string_of(text);
    ASSERT_TRUE(string.has_value());
    EXPECT_EQ(string->raw.size(), size);
    EXPECT_EQ(string->quoted(), text);
  }
}

TEST(JsonReader, AllowsHundredContainersInsideEachOtherAndNoMore) {
  EXPECT_EQ(fault_byte(nested(100)), std::string_view::npos);
  EXPECT_EQ(fault_byte(nested(101)), 100U);
  EXPECT_EQ(fault_byte(std::string(1'000'000, '[')), 100U);
  std::string objects;
  for (int i = 0; i < 101; ++i) {
    objects += R"({"a":)";
  }
  EXPECT_EQ(fault_byte(objects), 500U);
}

TEST(JsonReader, CountsDepthAcrossEnteringAndSkipping) {
  const std::string text = "[" + nested(100) + "]";
  JsonReader reader(text);
  reader.peek();
  reader.enter_array();
  ASSERT_TRUE(reader.next_element());
  EXPECT_TRUE(reader.skip_value().empty());
  EXPECT_EQ(reader.fault().byte, 100U);
}

TEST(JsonReader, ForgetsDepthWhenContainersClose) {
  std::string text = "[";
  for (int i = 0; i < 300; ++i) {
    text += nested(99) + ",";
  }
  EXPECT_EQ(fault_byte(text + "0]"), std::string_view::npos);
}

TEST(JsonReader, GivesTheVeryBytesOfAValue) {
  const std::string_view text = R"( { "a" :  {"n": 1.0 ,"m":[ ]}  , "b":"x\u0041" ,"c" : -1e3 } )";
  JsonReader reader(text);
  ASSERT_EQ(reader.peek(), JsonKind::kObject);
  reader.enter_object();
  EXPECT_EQ(reader.next_member()->raw, "a");
  EXPECT_EQ(reader.skip_value(), R"({"n": 1.0 ,"m":[ ]})");
  EXPECT_EQ(reader.next_member()->raw, "b");
  EXPECT_EQ(reader.skip_value(), R"("x\u0041")");
  EXPECT_EQ(reader.next_member()->raw, "c");
  EXPECT_EQ(reader.peek(), JsonKind::kNumber);
  EXPECT_EQ(reader.skip_value(), "-1e3");
  EXPECT_FALSE(reader.next_member().has_value());
  EXPECT_TRUE(reader.finish());
}

TEST(JsonReader, WalksArraysAndTellsTheKinds) {
  JsonReader reader(R"([{}, [], "s", 1, -1, true, false, null])");
  reader.peek();
  reader.enter_array();
  std::vector<JsonKind> kinds;
  while (reader.next_element()) {
    kinds.push_back(reader.peek());
    reader.skip_value();
  }
  EXPECT_TRUE(reader.finish());
  EXPECT_EQ(kinds, (std::vector{JsonKind::kObject, JsonKind::kArray, JsonKind::kString, JsonKind::kNumber,
                                JsonKind::kNumber, JsonKind::kTrue, JsonKind::kFalse, JsonKind::kNull}));
}

TEST(JsonReader, NamesTheSpanBetweenTwoPositions) {
  JsonReader reader("  [1, 2]  ");
  reader.peek();
  const std::size_t start = reader.position();
  reader.skip_value();
  EXPECT_EQ(reader.text_since(start), "[1, 2]");
}

TEST(JsonReader, AnswersNothingAfterAFault) {
  JsonReader reader(R"({"a":x,"b":1})");
  reader.peek();
  reader.enter_object();
  ASSERT_TRUE(reader.next_member().has_value());
  EXPECT_TRUE(reader.skip_value().empty());
  EXPECT_TRUE(reader.failed());
  EXPECT_FALSE(reader.next_member().has_value());
  EXPECT_FALSE(reader.next_element());
  EXPECT_FALSE(reader.read_string().has_value());
  EXPECT_EQ(reader.peek(), JsonKind::kFault);
  EXPECT_FALSE(reader.finish());
  EXPECT_EQ(reader.fault().byte, 5U);
  EXPECT_FALSE(reader.fault().what.empty());
}

TEST(JsonReader, TellsEscapesAndLoneSurrogates) {
  struct Case {
    std::string_view text;
    bool escapes;
    bool lone;
  };
  const std::vector<Case> table = {
      {R"("plain")", false, false},
      {R"("a\nb")", true, false},
      {R"("\ud83d\ude00")", true, false},
      {R"("\ud83d")", true, true},
      {R"("\ude00")", true, true},
      {R"("\ude00\ud83d")", true, true},
      {R"("\ud83d \ude00")", true, true},
      {R"("\ud83d\n\ude00")", true, true},
      {R"("\ud83d\ud83d\ude00")", true, true},
      {R"("\ud83d\ude00\ude00")", true, true},
      {R"("\ud83d\ude00\ud83d\ude00")", true, false},
      {R"("\\ud83d")", true, false},
      {R"("\ud83d\\ude00")", true, true},
      {R"("\uD7FF\uE000")", true, false},
  };
  for (const Case& entry : table) {
    const std::optional<JsonString> string = string_of(entry.text);
    ASSERT_TRUE(string.has_value()) << entry.text;
    EXPECT_EQ(string->has_escapes, entry.escapes) << entry.text;
    EXPECT_EQ(string->has_lone_surrogate, entry.lone) << entry.text;
    EXPECT_EQ(json_unescape(string->raw).has_value(), !entry.lone) << entry.text;
  }
}

TEST(JsonUnescape, ResolvesEveryEscape) {
  EXPECT_EQ(json_unescape(R"(a\"\\\/\b\f\n\r\tz)"), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(json_unescape(R"(\u0041\u00e9\u20AC\ud83d\ude00)"), "A\u00e9\u20ac\U0001F600");
  EXPECT_EQ(json_unescape(R"(\u0000)"), "\0"s);
  EXPECT_EQ(json_unescape(R"(\udbff\udfff)"), "\U0010FFFF");
  EXPECT_EQ(json_unescape(""), "");
  EXPECT_EQ(json_unescape("\u00e9"), "\u00e9");
}

TEST(JsonUnescape, RefusesLoneSurrogates) {
  EXPECT_EQ(json_unescape(R"(a\ud800)"), std::nullopt);
  EXPECT_EQ(json_unescape(R"(\udc00a)"), std::nullopt);
  EXPECT_EQ(json_unescape(R"(\ud800\u0041)"), std::nullopt);
  EXPECT_EQ(json_unescape(R"(\ud800\n)"), std::nullopt);
}

TEST(JsonString, EqualsWhatItSaysHoweverEscaped) {
  EXPECT_TRUE(string_of(R"("us\u0065r")")->equals("user"));
  EXPECT_TRUE(string_of(R"("user")")->equals("user"));
  EXPECT_FALSE(string_of(R"("User")")->equals("user"));
  EXPECT_FALSE(string_of(R"("us\\u0065r")")->equals("user"));
  EXPECT_FALSE(string_of(R"("\ud800")")->equals(""));
}

TEST(JsonInteger, ReadsWholeIntegersThatFit) {
  EXPECT_EQ(json_integer("0"), 0);
  EXPECT_EQ(json_integer("-0"), 0);
  EXPECT_EQ(json_integer("86400000"), 86'400'000);
  EXPECT_EQ(json_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(json_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
}

TEST(JsonInteger, RefusesFractionsExponentsAndWhatDoesNotFit) {
  for (const std::string_view raw :
       {"1.0", "1e3", "9223372036854775808", "-9223372036854775809", "", "-", "true", "1 "}) {
    EXPECT_EQ(json_integer(raw), std::nullopt) << raw;
  }
}

}  // namespace
}  // namespace pushwire
