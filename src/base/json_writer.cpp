#include "base/json_writer.h"

#include <charconv>
#include <cstring>

namespace pushwire {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

// The letter of a two-character escape, 'u' for a long one, 0 for a byte that stands for itself.
constexpr char escape_of(unsigned char byte) noexcept {
  switch (byte) {
    case '"':
    case '\\':
      return static_cast<char>(byte);
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return byte < 0x20 ? 'u' : '\0';
  }
}

std::size_t plain_run(std::string_view text) noexcept {
  std::size_t size = 0;
  while (size < text.size() && escape_of(static_cast<unsigned char>(text[size])) == 0) {
    ++size;
  }
  return size;
}

}  // namespace

std::size_t json_escaped_size(std::string_view text) noexcept {
  std::size_t size = text.size();
  for (const char c : text) {
    const char escape = escape_of(static_cast<unsigned char>(c));
    size += escape == 0 ? 0U : escape == 'u' ? 5U : 1U;
  }
  return size;
}

char* json_write_escaped(char* out, std::string_view text) noexcept {
  while (true) {
    const std::size_t run = plain_run(text);
    if (run > 0) {
      std::memcpy(out, text.data(), run);
    }
    out += run;
    if (run == text.size()) {
      return out;
    }
    const auto byte = static_cast<unsigned char>(text[run]);
    text.remove_prefix(run + 1);
    *out++ = '\\';
    *out++ = escape_of(byte);
    if (out[-1] == 'u') {
      *out++ = '0';
      *out++ = '0';
      *out++ = kHex[byte >> 4];
      *out++ = kHex[byte & 15];
    }
  }
}

void json_append_string(std::string& out, std::string_view text) {
  const std::size_t before = out.size();
  out.resize(before + json_escaped_size(text) + 2);
  char* end = out.data() + before;
  *end++ = '"';
  end = json_write_escaped(end, text);
  *end = '"';
}

void json_append_integer(std::string& out, std::int64_t value) {
  char digits[20];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, static_cast<std::size_t>(end - digits));
}

}  // namespace pushwire
