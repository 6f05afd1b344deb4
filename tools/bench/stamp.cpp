#include "bench/stamp.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace pushwire::bench {
namespace {

constexpr std::string_view kMark = "pwb1";

// Takes `digits` hexadecimal digits off the front.
template <class Number>
bool take_hex(std::string_view& text, std::size_t digits, Number& number) {
  const char* const end = text.data() + digits;
  std::uint64_t value = 0;
  const auto [stop, fault] = std::from_chars(text.data(), end, value, 16);
  text.remove_prefix(digits);
  number = static_cast<Number>(value);
  return fault == std::errc{} && stop == end;
}

std::optional<Stamp> read_stamp(std::string_view text) {
  Stamp stamp;
  text.remove_prefix(kMark.size());
  if (!take_hex(text, 8, stamp.run)) {
    return std::nullopt;
  }
  const char stream = text.front();
  text.remove_prefix(1);
  stamp.stream = stream == 'u' ? Stream::kUser : Stream::kAll;
  const bool good =
      take_hex(text, 8, stamp.user) && take_hex(text, 8, stamp.number) && take_hex(text, 16, stamp.time_ns);
  return good && (stream == 'u' || stream == 'a') ? std::optional(stamp) : std::nullopt;
}

}  // namespace

std::string write_stamp(const Stamp& stamp, std::size_t size) {
  std::string text = fmt::format("{}{:08x}{}{:08x}{:08x}{:016x}", kMark, stamp.run,
                                 stamp.stream == Stream::kUser ? 'u' : 'a', stamp.user, stamp.number, stamp.time_ns);
  text.resize(std::max(size, text.size()), 'x');
  return text;
}

std::optional<Stamp> next_stamp(std::string_view& text) {
  while (true) {
    const std::size_t at = text.find(kMark);
    if (at == text.npos || text.size() - at < kStampBytes) {
      text = {};
      return std::nullopt;
    }
    const std::optional<Stamp> stamp = read_stamp(text.substr(at, kStampBytes));
    text.remove_prefix(at + (stamp ? kStampBytes : kMark.size()));
    if (stamp) {
      return stamp;
    }
  }
}

}  // namespace pushwire::bench
