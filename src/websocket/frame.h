// Frames as the server writes them (RFC 6455 5.2): never masked, never fragmented, length in its shortest form.
// Pure functions; any thread. One encoded frame is shared by all its receivers.
//
//   byte 0         byte 1         bytes 2.. (only if needed)
//   FIN RSV opcode MASK length-7  length-16 (length-7 = 126) or length-64 (127), network order; then the payload
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/shared_buffer.h"

namespace pushwire::websocket {

enum class Opcode : std::uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xa,
};

inline constexpr std::size_t kMaxControlPayload = 125;  // RFC 6455 5.5
inline constexpr std::size_t kMaxServerFrameHeader = 10;

constexpr bool is_control(Opcode opcode) noexcept {
  return (static_cast<std::uint8_t>(opcode) & 0x8U) != 0;
}

constexpr std::size_t frame_header_size(std::size_t payload_size) noexcept {
  if (payload_size <= 125) {
    return 2;
  }
  return payload_size <= 0xffff ? 4 : 10;
}

// Writes the header of a whole frame (FIN set) and returns the place where the payload goes.
// Requires: frame_header_size(payload_size) bytes at `out`; at most 125 bytes of payload for a control frame.
[[nodiscard]] char* write_frame_header(char* out, Opcode opcode, std::size_t payload_size) noexcept;

// A whole frame. Requires: as above; text payload is UTF-8.
[[nodiscard]] SharedBuffer encode_frame(Opcode opcode, std::string_view payload);

// A close frame; a reason over 123 bytes is cut between two code points. close_code::kNone gives an empty body, so
// that a peer's close is answered by encode_close(its code, {}).
[[nodiscard]] SharedBuffer encode_close(std::uint16_t code, std::string_view reason);

}  // namespace pushwire::websocket
