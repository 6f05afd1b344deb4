#include "literal.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

namespace pushwire::wire {
namespace {

constexpr std::size_t kBulkBytes = 256;
constexpr std::size_t kShown = 240;

int digit(char c) {
  const std::string_view digits = "0123456789abcdef";
  const std::size_t at = digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
  return at == digits.npos ? -1 : static_cast<int>(at);
}

// The byte that `text` begins with as HH, or -1.
int byte_of(std::string_view text) {
  const bool good = text.size() >= 2 && digit(text[0]) >= 0 && digit(text[1]) >= 0;
  return good ? digit(text[0]) * 16 + digit(text[1]) : -1;
}

// Takes one escape, backslash included.
Result<char> take_escape(std::string_view& text) {
  const char kind = text.size() > 1 ? text[1] : '\0';
  text.remove_prefix(std::min<std::size_t>(2, text.size()));
  switch (kind) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case '\\':
    case '"':
      return kind;
    case 'x':
      if (const int byte = byte_of(text); byte >= 0) {
        text.remove_prefix(2);
        return static_cast<char>(byte);
      }
      break;
    default:
      break;
  }
  return fail("bad escape");
}

// Takes a quoted text, quotes included.
Result<std::string> take_quoted(std::string_view& text) {
  const char quote = text.front();
  std::string out;
  text.remove_prefix(1);
  while (!text.empty() && text.front() != quote) {
    if (text.front() == '\\' && quote == '"') {
      const auto escaped = take_escape(text);
      if (!escaped) {
        return fail(escaped.error().message);
      }
      out += *escaped;
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  if (text.empty()) {
    return fail("a quote is not closed");
  }
  text.remove_prefix(1);
  return out;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::string_view take_word(std::string_view& text) {
  text = trim(text);
  const std::string_view word = text.substr(0, text.find(' '));
  text = trim(text.substr(word.size()));
  return word;
}

Result<std::size_t> parse_number(std::string_view text) {
  const bool hex = text.starts_with("0x");
  text.remove_prefix(hex ? 2 : 0);
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return fail(fmt::format("'{}' is no number", text));
  }
  return value;
}

Result<std::string> parse_hex(std::string_view text) {
  std::string out;
  while (!(text = trim(text)).empty()) {
    const int byte = byte_of(text);
    if (byte < 0) {
      return fail("pairs of hexadecimal digits are expected");
    }
    out += static_cast<char>(byte);
    text.remove_prefix(2);
  }
  return out;
}

Result<Literal> parse_literal(std::string_view text) {
  Literal out;
  while (!(text = trim(text)).empty()) {
    if (text.starts_with("hex ")) {
      const auto bytes = parse_hex(text.substr(4));
      if (!bytes) {
        return fail(bytes.error().message);
      }
      out.bytes += *bytes;
      return out;
    }
    if (text.front() != '"' && text.front() != '\'') {
      return fail(fmt::format("a quoted text is expected: {}", text));
    }
    const auto part = take_quoted(text);
    if (!part) {
      return fail(part.error().message);
    }
    std::size_t times = 1;
    if (text.starts_with('*')) {
      const auto number = parse_number(text.substr(1, text.find(' ') - 1));
      if (!number) {
        return fail(number.error().message);
      }
      times = *number;
      text.remove_prefix(std::min(text.find(' '), text.size()));
    }
    const std::size_t begin = out.bytes.size();
    for (std::size_t i = 0; i < times; ++i) {
      out.bytes += *part;
    }
    if (times > 1 && out.bytes.size() - begin >= kBulkBytes) {
      out.bulks.push_back({begin, out.bytes.size()});
    }
  }
  return out;
}

std::string show(std::string_view bytes) {
  std::string out;
  for (const char c : bytes.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    }
  }
  return bytes.size() <= kShown ? out : fmt::format("{}… ({} bytes)", out, bytes.size());
}

bool matches(std::string_view pattern, std::string_view text) {
  std::size_t star = pattern.npos;
  std::size_t resume = 0;
  std::size_t p = 0;
  std::size_t t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') {
    ++p;
  }
  return p == pattern.size();
}

}  // namespace pushwire::wire
