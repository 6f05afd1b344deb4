// Close codes of the WebSocket protocol itself (RFC 6455 7.4). Pushwire's own codes (3000-4999) are in
// protocol/disconnect.h. Values; any thread.
#pragma once

#include <cstdint>

namespace pushwire::websocket {

namespace close_code {

inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kUnsupportedData = 1003;
// Stands for "the close frame had no code" (RFC 6455 7.1.5). Never on the wire: encode_close writes an empty body.
inline constexpr std::uint16_t kNone = 1005;
inline constexpr std::uint16_t kInvalidPayload = 1007;
inline constexpr std::uint16_t kMessageTooBig = 1009;
inline constexpr std::uint16_t kInternalError = 1011;

}  // namespace close_code

// Whether a peer may send this code in a close frame: the defined codes (RFC 6455 7.4.1 and the IANA registry, which
// added 1012-1014) without those reserved for local use, and the ranges of libraries and applications (7.4.2).
constexpr bool is_valid_received_close_code(std::uint16_t code) noexcept {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace pushwire::websocket
