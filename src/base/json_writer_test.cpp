#include "base/json_writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/json_reader.h"

namespace pushwire {
namespace {

using namespace std::string_literals;

std::string written(std::string_view text) {
  std::string out;
  json_append_string(out, text);
  return out;
}

TEST(JsonWriter, EscapesWhatMustBeEscapedAndNothingElse) {
  EXPECT_EQ(written(""), R"("")");
  EXPECT_EQ(written("plain / text"), R"("plain / text")");
  EXPECT_EQ(written("\"\\"), R"("\"\\")");
  EXPECT_EQ(written("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(written("\0\x01\x1f"s), R"("\u0000\u0001\u001f")");
  EXPECT_EQ(written("\x7f\u00e9\U0001F600"), "\"\x7f\u00e9\U0001F600\"");
}

TEST(JsonWriter, SizeIsExactlyWhatIsWritten) {
  for (const std::string& text : {""s, "a"s, "\"\\\n"s, "\0x\x1f"s, "\u20ac\""s}) {
    std::string out(json_escaped_size(text), '?');
    EXPECT_EQ(json_write_escaped(out.data(), text), out.data() + out.size());
    EXPECT_EQ('"' + out + '"', written(text));
  }
}

TEST(JsonWriter, EveryByteBelow128SurvivesTheWayThroughTheReader) {
  std::string text;
  for (int c = 0; c < 128; ++c) {
    text += static_cast<char>(c);
  }
  const std::string json = written(text);
  JsonReader reader(json);
  reader.peek();
  const std::optional<JsonString> string = reader.read_string();
  ASSERT_TRUE(reader.finish());
  EXPECT_EQ(json_unescape(string->raw), text);
}

TEST(JsonWriter, AppendsBehindWhatIsThere) {
  std::string out = "[";
  json_append_string(out, "a");
  out += ',';
  json_append_integer(out, -5);
  EXPECT_EQ(out, R"(["a",-5)");
}

TEST(JsonWriter, WritesTheWholeRangeOfIntegers) {
  std::string out;
  json_append_integer(out, std::numeric_limits<std::int64_t>::min());
  out += ' ';
  json_append_integer(out, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(out, "-9223372036854775808 9223372036854775807");
}

}  // namespace
}  // namespace pushwire
