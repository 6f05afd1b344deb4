#include "base/json_reader.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "base/check.h"

namespace pushwire {
namespace {

constexpr std::string_view kValueExpected = "a JSON value was expected";
constexpr std::string_view kStringNotClosed = "the text ends inside a string";
constexpr std::string_view kBadUtf8 = "the text is not valid UTF-8";
constexpr std::string_view kBadEscape = "no such escape in a string";
constexpr std::string_view kDigitExpected = "a digit was expected";

constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighs = 0x8080808080808080ULL;

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
constexpr bool is_plain(unsigned char c) noexcept {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}
constexpr bool is_high_surrogate(std::uint32_t unit) noexcept {
  return unit >= 0xd800 && unit <= 0xdbff;
}
constexpr bool is_low_surrogate(std::uint32_t unit) noexcept {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

// The high bit is set in the first byte that is not plain. Bytes after that one may be marked wrongly (borrows).
constexpr std::uint64_t not_plain(std::uint64_t word) noexcept {
  const std::uint64_t quote = word ^ kOnes * '"';
  const std::uint64_t backslash = word ^ kOnes * '\\';
  return (word | ((word - kOnes * 0x20) & ~word) | ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash)) &
         kHighs;
}

constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// What a two-character escape stands for, 0 for none.
constexpr char simple_escape(char c) noexcept {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

// Four digits that a reader has checked.
std::uint32_t hex4(std::string_view digits) noexcept {
  std::uint32_t unit = 0;
  for (const char c : digits) {
    unit = unit << 4 | static_cast<std::uint32_t>(hex_value(c));
  }
  return unit;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto add = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xc0 | point >> 6);
    add(0x80 | (point & 63));
  } else if (point < 0x10000) {
    add(0xe0 | point >> 12);
    add(0x80 | (point >> 6 & 63));
    add(0x80 | (point & 63));
  } else {
    add(0xf0 | point >> 18);
    add(0x80 | (point >> 12 & 63));
    add(0x80 | (point >> 6 & 63));
    add(0x80 | (point & 63));
  }
}

}  // namespace

void JsonReader::fail_at(std::size_t byte, std::string_view what) noexcept {
  if (!failed_) {
    failed_ = true;
    fault_ = {byte, what};
  }
  at_ = text_.size();  // nothing more is read
}

void JsonReader::skip_spaces() noexcept {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
      return;
    }
    ++at_;
  }
}

JsonKind JsonReader::peek() noexcept {
  skip_space();
  if (at_ < text_.size()) {
    switch (text_[at_]) {
      case '{':
        return JsonKind::kObject;
      case '[':
        return JsonKind::kArray;
      case '"':
        return JsonKind::kString;
      case 't':
        return JsonKind::kTrue;
      case 'f':
        return JsonKind::kFalse;
      case 'n':
        return JsonKind::kNull;
      default:
        if (text_[at_] == '-' || is_digit(text_[at_])) {
          return JsonKind::kNumber;
        }
    }
  }
  fail_at(at_, kValueExpected);
  return JsonKind::kFault;
}

void JsonReader::enter(char bracket) noexcept {
  if (failed_) {
    return;
  }
  PW_CHECK(at(bracket));
  if (depth_ == kMaxDepth) {
    fail_at(at_, "more than 100 objects and arrays inside each other");
    return;
  }
  const std::uint64_t bit = std::uint64_t{1} << depth_ % 64;
  std::uint64_t& word = objects_[depth_ / 64];
  word = bracket == '{' ? word | bit : word & ~bit;
  ++depth_;
  ++at_;
  first_ = true;
}

void JsonReader::leave() noexcept {
  ++at_;
  --depth_;
  first_ = false;
}

std::optional<JsonString> JsonReader::next_member() noexcept {
  if (failed_) {
    return std::nullopt;
  }
  PW_CHECK(depth_ > 0 && in_object());
  skip_space();
  if (at('}')) {
    leave();
    return std::nullopt;
  }
  if (!first_) {
    if (!at(',')) {
      fail_at(at_, "',' or '}' was expected");
      return std::nullopt;
    }
    ++at_;
    skip_space();
  }
  if (!at('"')) {
    fail_at(at_, first_ ? "a member's name in quotes or '}' was expected" : "a member's name in quotes was expected");
    return std::nullopt;
  }
  first_ = false;
  const JsonString key = scan_string();
  skip_space();
  if (!at(':')) {
    fail_at(at_, "':' was expected");
    return std::nullopt;
  }
  ++at_;
  return key;
}

bool JsonReader::next_element() noexcept {
  if (failed_) {
    return false;
  }
  PW_CHECK(depth_ > 0 && !in_object());
  skip_space();
  if (at(']')) {
    leave();
    return false;
  }
  if (!first_) {
    if (!at(',')) {
      fail_at(at_, "',' or ']' was expected");
      return false;
    }
    ++at_;
  }
  first_ = false;
  return true;
}

std::string_view JsonReader::skip_value() noexcept {
  const std::size_t outside = depth_;
  JsonKind kind = peek();
  const std::size_t start = at_;
  while (!failed_) {
    if (kind == JsonKind::kObject || kind == JsonKind::kArray) {
      enter(text_[at_]);
    } else {
      skip_scalar(kind);
    }
    // Closes what ends here and stops before the next value.
    while (depth_ > outside && !(in_object() ? next_member().has_value() : next_element()) && !failed_) {
    }
    if (depth_ == outside && !failed_) {
      return text_.substr(start, at_ - start);
    }
    kind = peek();
  }
  return {};
}

void JsonReader::skip_scalar(JsonKind kind) noexcept {
  switch (kind) {
    case JsonKind::kString:
      scan_string();
      return;
    case JsonKind::kNumber:
      skip_number();
      return;
    case JsonKind::kTrue:
      skip_literal("true");
      return;
    case JsonKind::kFalse:
      skip_literal("false");
      return;
    default:
      skip_literal("null");
  }
}

void JsonReader::skip_literal(std::string_view literal) noexcept {
  for (const char c : literal) {
    if (!at(c)) {
      fail_at(at_, kValueExpected);
      return;
    }
    ++at_;
  }
}

bool JsonReader::skip_digits() noexcept {
  const std::size_t start = at_;
  while (at_ < text_.size() && is_digit(text_[at_])) {
    ++at_;
  }
  if (at_ == start) {
    fail_at(at_, kDigitExpected);
  }
  return at_ != start && !failed_;
}

void JsonReader::skip_number() noexcept {
  if (at('-')) {
    ++at_;
  }
  if (at('0')) {
    ++at_;  // a digit after it is what the caller does not expect there
  } else if (!skip_digits()) {
    return;
  }
  if (at('.')) {
    ++at_;
    if (!skip_digits()) {
      return;
    }
  }
  if (at('e') || at('E')) {
    ++at_;
    if (at('+') || at('-')) {
      ++at_;
    }
    skip_digits();
  }
}

std::optional<JsonString> JsonReader::read_string() noexcept {
  if (failed_) {
    return std::nullopt;
  }
  PW_CHECK(at('"'));
  const JsonString string = scan_string();
  return failed_ ? std::nullopt : std::optional(string);
}

void JsonReader::skip_plain() noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    while (at_ + sizeof(std::uint64_t) <= text_.size()) {
      std::uint64_t word;
      std::memcpy(&word, text_.data() + at_, sizeof word);
      const std::uint64_t marks = not_plain(word);
      if (marks != 0) {
        at_ += static_cast<std::size_t>(std::countr_zero(marks)) / 8;
        return;
      }
      at_ += sizeof word;
    }
  }
  while (at_ < text_.size() && is_plain(static_cast<unsigned char>(text_[at_]))) {
    ++at_;
  }
}

JsonString JsonReader::scan_string() noexcept {
  const std::size_t start = ++at_;
  JsonString string;
  bool high_waits = false;     // a high surrogate was read and not yet its low one
  std::size_t after_high = 0;  // where that must stand
  while (true) {
    skip_plain();
    if (at_ == text_.size()) {
      fail_at(at_, kStringNotClosed);
      return {};
    }
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if (byte == '"') {
      break;
    }
    if (byte == '\\') {
      const std::size_t escape = at_;
      const std::uint32_t unit = scan_escape();
      string.has_escapes = true;
      if (is_high_surrogate(unit)) {
        string.has_lone_surrogate |= high_waits;
        high_waits = true;
        after_high = at_;
      } else if (is_low_surrogate(unit)) {
        string.has_lone_surrogate |= !high_waits || after_high != escape;
        high_waits = false;
      }
    } else if (byte < 0x20) {
      fail_at(at_, "a control character in a string must be escaped");
    } else {
      scan_utf8();
    }
  }
  string.has_lone_surrogate |= high_waits;
  string.raw = text_.substr(start, at_ - start);
  ++at_;
  return string;
}

std::uint32_t JsonReader::scan_escape() noexcept {
  ++at_;
  if (at_ == text_.size()) {
    fail_at(at_, kStringNotClosed);
    return 0;
  }
  if (text_[at_] != 'u') {
    if (simple_escape(text_[at_]) == 0) {
      fail_at(at_, kBadEscape);
      return 0;
    }
    ++at_;
    return 0;
  }
  ++at_;
  for (int digit = 0; digit < 4; ++digit, ++at_) {
    if (at_ == text_.size() || hex_value(text_[at_]) < 0) {
      fail_at(at_, at_ == text_.size() ? kStringNotClosed : kBadEscape);
      return 0;
    }
  }
  return hex4(text_.substr(at_ - 4, 4));
}

// Unicode 15 table 3-7. Not Utf8Validator, which says that there is a fault but not where.
void JsonReader::scan_utf8() noexcept {
  const auto lead = static_cast<unsigned char>(text_[at_]);
  if (lead < 0xc2 || lead > 0xf4) {
    fail_at(at_, kBadUtf8);
    return;
  }
  const int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;   // no overlong form
  unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;  // no surrogate, nothing above U+10FFFF
  ++at_;
  for (int i = 0; i < more; ++i, ++at_) {
    if (at_ == text_.size()) {
      fail_at(at_, kStringNotClosed);
      return;
    }
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if (byte < low || byte > high) {
      fail_at(at_, kBadUtf8);
      return;
    }
    low = 0x80;
    high = 0xbf;
  }
}

bool JsonReader::finish() noexcept {
  if (failed_) {
    return false;
  }
  PW_CHECK(depth_ == 0);
  skip_space();
  if (at_ != text_.size()) {
    fail_at(at_, "nothing may follow the JSON value");
  }
  return !failed_;
}

bool JsonString::equals(std::string_view text) const {
  if (!has_escapes) {
    return raw == text;
  }
  const std::optional<std::string> own = json_unescape(raw);
  return own && *own == text;
}

std::optional<std::string> json_unescape(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  while (!raw.empty()) {
    const std::size_t run = std::min(raw.find('\\'), raw.size());
    out.append(raw.substr(0, run));
    raw.remove_prefix(run);
    if (raw.empty()) {
      break;
    }
    if (raw[1] != 'u') {
      out += simple_escape(raw[1]);
      raw.remove_prefix(2);
      continue;
    }
    std::uint32_t point = hex4(raw.substr(2, 4));
    raw.remove_prefix(6);
    if (is_high_surrogate(point) && raw.starts_with("\\u") && is_low_surrogate(hex4(raw.substr(2, 4)))) {
      point = 0x10000 + ((point - 0xd800) << 10) + (hex4(raw.substr(2, 4)) - 0xdc00);
      raw.remove_prefix(6);
    } else if (is_high_surrogate(point) || is_low_surrogate(point)) {
      return std::nullopt;
    }
    append_utf8(out, point);
  }
  return out;
}

std::optional<std::int64_t> json_integer(std::string_view raw) noexcept {
  std::int64_t value = 0;
  const char* end = raw.data() + raw.size();
  const auto [stop, error] = std::from_chars(raw.data(), end, value);
  if (raw.empty() || error != std::errc{} || stop != end) {
    return std::nullopt;
  }
  return value;
}

}  // namespace pushwire
