#include "protocol/names.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/utf8.h"

namespace pushwire::protocol {
namespace {

enum CharClass : std::uint8_t { kTopicChar = 1, kMessageIdChar = 2, kSessionIdChar = 4 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  const auto mark = [&classes](std::string_view chars, int of) {
    for (const char c : chars) {
      std::uint8_t& entry = classes[static_cast<unsigned char>(c)];
      entry = static_cast<std::uint8_t>(entry | of);
    }
  };
  mark("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
       kTopicChar | kMessageIdChar | kSessionIdChar);
  mark(".:", kTopicChar | kMessageIdChar);
  mark("/", kTopicChar);
  return classes;
}
constexpr auto kClasses = make_classes();

bool all_of_class(std::string_view text, CharClass wanted) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [wanted](char c) { return (kClasses[static_cast<unsigned char>(c)] & wanted) != 0; });
}

// In valid UTF-8, U+0080-009F are C2 80 to C2 9F, and C2 begins nothing else below U+00C0.
bool has_control_character(std::string_view text) noexcept {
  unsigned char before = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (before == 0xc2 && byte < 0xa0)) {
      return true;
    }
    before = byte;
  }
  return false;
}

bool is_printable_utf8(std::string_view text, std::size_t max_bytes) noexcept {
  return text.size() <= max_bytes && is_valid_utf8(text) && !has_control_character(text);
}

}  // namespace

bool is_valid_user_id(std::string_view text) noexcept {
  return !text.empty() && is_printable_utf8(text, kMaxUserIdBytes);
}

bool is_valid_topic(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kMaxTopicBytes && all_of_class(text, kTopicChar);
}

bool is_valid_topic_pattern(std::string_view text) noexcept {
  if (!text.ends_with('*')) {
    return is_valid_topic(text);
  }
  text.remove_suffix(1);
  return text.empty() || is_valid_topic(text);
}

bool pattern_matches(std::string_view pattern, std::string_view topic) noexcept {
  if (!pattern.ends_with('*')) {
    return pattern == topic;
  }
  pattern.remove_suffix(1);
  return topic.starts_with(pattern);
}

bool is_valid_message_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kMaxMessageIdBytes && all_of_class(text, kMessageIdChar);
}

bool is_valid_session_id(std::string_view text) noexcept {
  return text.size() == kSessionIdBytes && all_of_class(text, kSessionIdChar);
}

bool is_valid_device(std::string_view text) noexcept {
  return is_printable_utf8(text, kMaxDeviceBytes);
}

bool is_valid_event(std::string_view text) noexcept {
  return text.size() <= kMaxEventBytes && is_valid_utf8(text);
}

}  // namespace pushwire::protocol
