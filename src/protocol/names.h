// What may be a user id, a topic, a message id and the like, and their limits. The rules are docs/protocol.md's.
// Functions on bytes from outside, any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace pushwire::protocol {

inline constexpr std::size_t kMaxUserIdBytes = 128;
inline constexpr std::size_t kMaxTopicBytes = 128;
inline constexpr std::size_t kMaxMessageIdBytes = 64;
inline constexpr std::size_t kMaxDeviceBytes = 64;
inline constexpr std::size_t kMaxEventBytes = 128;
inline constexpr std::size_t kSessionIdBytes = 22;  // 128 random bits in base64url

// 1 to 128 bytes of UTF-8 without control characters (U+0000-001F, U+007F-009F).
[[nodiscard]] bool is_valid_user_id(std::string_view text) noexcept;
// 1 to 128 bytes of A-Z a-z 0-9 . _ : - /
[[nodiscard]] bool is_valid_topic(std::string_view text) noexcept;
// A topic, or the beginning of one (also none) and a final '*'.
[[nodiscard]] bool is_valid_topic_pattern(std::string_view text) noexcept;
// Requires: both are valid. The '*' also matches nothing more.
[[nodiscard]] bool pattern_matches(std::string_view pattern, std::string_view topic) noexcept;
// 1 to 64 bytes of A-Z a-z 0-9 . _ : -
[[nodiscard]] bool is_valid_message_id(std::string_view text) noexcept;
// 22 characters of base64url.
[[nodiscard]] bool is_valid_session_id(std::string_view text) noexcept;
// At most 64 bytes of UTF-8 without control characters; may be empty.
[[nodiscard]] bool is_valid_device(std::string_view text) noexcept;
// At most 128 bytes of UTF-8; may be empty.
[[nodiscard]] bool is_valid_event(std::string_view text) noexcept;

}  // namespace pushwire::protocol
