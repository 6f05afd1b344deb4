// Fuzzes JsonReader against Boost.JSON, which shares no code with it: both must accept and refuse the same texts, read
// the same values, and our byte of the first fault must be where Boost's stream parser first refuses the text.
// Documented differences are left out: Boost refuses escaped lone surrogates and exponents that do not fit an int.
// libFuzzer entry; one thread. The input is the text.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json_reader.h"
#include "base/json_writer.h"

namespace {

namespace json = boost::json;
using pushwire::JsonKind;
using pushwire::JsonReader;
using pushwire::JsonString;

json::parse_options strict() {
  json::parse_options options;
  options.max_depth = JsonReader::kMaxDepth;
  return options;
}

// Whether an escaped surrogate stands anywhere, lone or not.
bool has_surrogate(std::string_view text) {
  for (std::size_t at = text.find("\\u"); at != std::string_view::npos; at = text.find("\\u", at + 1)) {
    const std::string_view digits = text.substr(at + 2, 2);
    if (digits.size() == 2 && (digits[0] | 0x20) == 'd' && digits[1] >= '8') {
      return true;
    }
  }
  return false;
}

// Faults that only Boost knows. It has no one error for a lone surrogate.
bool is_difference(const boost::system::error_code& error, std::string_view text) {
  return error == json::error::exponent_overflow || (error && has_surrogate(text));
}

// What the string says survives the way through the writer and back.
void check_string(const JsonString& string, const json::string& expected) {
  const std::optional<std::string> text = pushwire::json_unescape(string.raw);
  PW_CHECK(text && *text == std::string_view(expected));
  PW_CHECK(string.has_escapes == (string.raw.find('\\') != std::string_view::npos));
  PW_CHECK(string.equals(*text) && !string.has_lone_surrogate);
  std::string again;
  pushwire::json_append_string(again, *text);
  PW_CHECK(again.size() == pushwire::json_escaped_size(*text) + 2);
  JsonReader reader(again);
  PW_CHECK(reader.peek() == JsonKind::kString);
  const std::optional<JsonString> read = reader.read_string();
  PW_CHECK(reader.finish() && pushwire::json_unescape(read->raw) == text);
}

void check_scalar(JsonKind kind, std::string_view raw, const json::value& expected) {
  switch (kind) {
    case JsonKind::kNumber: {
      PW_CHECK(expected.is_number());
      // Boost reads "-0" and numbers beyond the range as it likes; what it calls an int64 must be ours too.
      const std::optional<std::int64_t> integer = pushwire::json_integer(raw);
      PW_CHECK(!expected.is_int64() || integer == expected.get_int64());
      return;
    }
    case JsonKind::kTrue:
    case JsonKind::kFalse:
      PW_CHECK(expected.is_bool() && expected.get_bool() == (kind == JsonKind::kTrue));
      return;
    default:
      PW_CHECK(kind == JsonKind::kNull && expected.is_null());
  }
}

// Recursion is bounded by the reader's depth. `expected` is null where Boost has nothing to compare with.
void walk(JsonReader& reader, const json::value* expected);

void walk_object(JsonReader& reader, const json::value* expected) {
  PW_CHECK(expected == nullptr || expected->is_object());
  reader.enter_object();
  std::size_t count = 0;
  while (const std::optional<JsonString> name = reader.next_member()) {
    ++count;
    // Of a repeated name Boost keeps the last value, so only the kinds of single names can be compared: none are here.
    const std::optional<std::string> text = pushwire::json_unescape(name->raw);
    PW_CHECK(expected == nullptr || (text && expected->get_object().contains(*text)));
    walk(reader, nullptr);
  }
  PW_CHECK(expected == nullptr || count >= expected->get_object().size());
}

void walk_array(JsonReader& reader, const json::value* expected) {
  PW_CHECK(expected == nullptr || expected->is_array());
  reader.enter_array();
  std::size_t count = 0;
  while (reader.next_element()) {
    walk(reader, expected == nullptr ? nullptr : &expected->get_array().at(count));
    ++count;
  }
  PW_CHECK(expected == nullptr || count == expected->get_array().size());
}

void walk(JsonReader& reader, const json::value* expected) {
  const JsonKind kind = reader.peek();
  if (kind == JsonKind::kObject) {
    walk_object(reader, expected);
  } else if (kind == JsonKind::kArray) {
    walk_array(reader, expected);
  } else if (kind == JsonKind::kString) {
    const std::optional<JsonString> string = reader.read_string();
    if (expected != nullptr) {
      PW_CHECK(expected->is_string());
      check_string(*string, expected->get_string());
    }
  } else {
    const std::string_view raw = reader.skip_value();
    if (expected != nullptr) {
      check_scalar(kind, raw, *expected);
    }
  }
}

constexpr bool is_ascii(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x80;
}

// The bytes before the fault are the beginning of some legal text; with the faulty byte they are of none. Inside a
// code point Boost waits for its last byte before it judges, so there only the first half can be compared.
void check_fault(std::string_view text, std::size_t byte) {
  PW_CHECK(byte <= text.size());
  json::stream_parser parser({}, strict());
  boost::system::error_code error;
  parser.write(text.data(), byte, error);
  if (is_difference(error, text)) {
    return;
  }
  PW_CHECK(!error);
  if (byte < text.size()) {
    if (!is_ascii(text[byte]) || (byte > 0 && !is_ascii(text[byte - 1]))) {
      return;
    }
    parser.write(text.data() + byte, 1, error);
    PW_CHECK(error);
  } else {
    parser.finish(error);
    PW_CHECK(error);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  JsonReader reader(text);
  const std::string_view raw = reader.skip_value();
  const bool accepted = reader.finish();
  PW_CHECK(accepted != reader.failed());
  PW_CHECK(!accepted || (raw.data() >= text.data() && raw.data() + raw.size() <= text.data() + text.size()));

  boost::system::error_code error;
  const json::value expected = json::parse(json::string_view(text.data(), text.size()), error, {}, strict());
  if (is_difference(error, text)) {
    return 0;
  }
  PW_CHECK(accepted == !error);

  JsonReader walker(text);
  walk(walker, accepted ? &expected : nullptr);
  PW_CHECK(walker.finish() == accepted);
  PW_CHECK(accepted || walker.fault().byte == reader.fault().byte);
  if (!accepted) {
    check_fault(text, reader.fault().byte);
  }
  return 0;
}
