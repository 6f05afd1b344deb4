// JsonReader: a strict, validating pull reader for one JSON text (RFC 8259), in one pass and without allocation.
// We have our own because a push keeps the very bytes of its value and errors name the byte of the first fault.
// A value type over bytes that must outlive it; any thread, one at a time.
//
// Strict means: the grammar to the letter, valid UTF-8, no byte order mark, nothing after the value, at most
// kMaxDepth nested containers. An escaped lone surrogate is legal here (RFC 8259 8.2); JsonString tells of it.
//
// The fault's byte is the first one that no legal text could have in its place, or the size of a text that stops too
// early. After a fault every call answers "nothing" at once, so a caller may look at failed() once, at the end.
//
//   JsonReader reader(text);
//   if (reader.peek() == JsonKind::kObject) {
//     reader.enter_object();
//     while (auto key = reader.next_member()) { ... reader.skip_value(); }
//   }
//   if (!reader.finish()) { report(reader.fault()); }
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pushwire {

enum class JsonKind : std::uint8_t { kFault, kObject, kArray, kString, kNumber, kTrue, kFalse, kNull };

// A string as it stands in the text, without its quotes.
struct JsonString {
  std::string_view raw;
  bool has_escapes = false;
  bool has_lone_surrogate = false;

  // With its quotes. Only for strings that a reader gave out, whose quotes stand around `raw`.
  std::string_view quoted() const noexcept { return {raw.data() - 1, raw.size() + 2}; }
  // Whether the string says `text`, however it is escaped.
  bool equals(std::string_view text) const;
};

struct JsonFault {
  std::size_t byte = 0;
  std::string_view what;  // for people, a constant text
};

class JsonReader {
 public:
  static constexpr std::size_t kMaxDepth = 100;

  explicit JsonReader(std::string_view text) noexcept : text_(text) {}

  // The kind of the value at the cursor; kFault when none can begin there.
  JsonKind peek() noexcept;

  // Requires: peek() said kObject or kArray. Then next_member() or next_element() until it says the end.
  void enter_object() noexcept { enter('{'); }
  void enter_array() noexcept { enter('['); }
  // The next key; the caller then reads or skips its value. Empty at the end of the object or after a fault.
  std::optional<JsonString> next_member() noexcept;
  // True when a value follows, which the caller then reads or skips. False at the end of the array or after a fault.
  bool next_element() noexcept;

  // The bytes of the whole value at the cursor, validated. Empty after a fault.
  std::string_view skip_value() noexcept;
  // Requires: peek() said kString. Empty after a fault.
  std::optional<JsonString> read_string() noexcept;

  // True when the text held one value, now read, and nothing else.
  bool finish() noexcept;

  bool failed() const noexcept { return failed_; }
  const JsonFault& fault() const noexcept { return fault_; }
  // Where the cursor is. After peek() this is the first byte of the value.
  std::size_t position() const noexcept { return at_; }
  // The bytes from an earlier position to the cursor.
  std::string_view text_since(std::size_t start) const noexcept { return text_.substr(start, at_ - start); }

 private:
  void enter(char bracket) noexcept;
  void leave() noexcept;
  bool in_object() const noexcept { return (objects_[(depth_ - 1) / 64] >> (depth_ - 1) % 64 & 1) != 0; }
  void skip_space() noexcept {
    if (at_ < text_.size() && text_[at_] <= ' ') {  // usually there is none
      skip_spaces();
    }
  }
  void skip_spaces() noexcept;
  void skip_scalar(JsonKind kind) noexcept;
  void skip_literal(std::string_view literal) noexcept;
  void skip_number() noexcept;
  bool skip_digits() noexcept;
  void skip_plain() noexcept;
  JsonString scan_string() noexcept;
  // At a backslash. The code unit of a \u escape, else 0.
  std::uint32_t scan_escape() noexcept;
  void scan_utf8() noexcept;
  bool at(char c) const noexcept { return at_ < text_.size() && text_[at_] == c; }
  void fail_at(std::size_t byte, std::string_view what) noexcept;

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;                      // containers entered, by the caller or by skip_value()
  std::array<std::uint64_t, 2> objects_ = {};  // one bit per container: is it an object
  bool first_ = false;                         // nothing of the innermost container was read yet
  bool failed_ = false;
  JsonFault fault_;
};

// Resolves the escapes of a string that a reader gave out. Empty at a lone surrogate, which no UTF-8 text can hold.
std::optional<std::string> json_unescape(std::string_view raw);

// The value of a number written as an integer that fits. 1.0 and 1e3 are numbers but no integers.
std::optional<std::int64_t> json_integer(std::string_view raw) noexcept;

}  // namespace pushwire
