#include "websocket/frame.h"

#include <cstring>

#include "base/check.h"
#include "websocket/close_code.h"

namespace pushwire::websocket {
namespace {

constexpr std::uint8_t kFin = 0x80;
constexpr std::size_t kMaxReason = kMaxControlPayload - 2;

char* write_big_endian(char* out, std::uint64_t value, std::size_t size) noexcept {
  for (std::size_t i = 0; i < size; ++i) {
    out[i] = static_cast<char>(value >> (8 * (size - 1 - i)));
  }
  return out + size;
}

// The reason, at most 123 bytes of it, not cut inside a code point.
std::string_view fitting_reason(std::string_view reason) noexcept {
  if (reason.size() <= kMaxReason) {
    return reason;
  }
  std::size_t size = kMaxReason;
  while (size > 0 && (static_cast<unsigned char>(reason[size]) & 0xc0U) == 0x80U) {
    --size;
  }
  return reason.substr(0, size);
}

void write_bytes(char* out, std::string_view bytes) noexcept {
  if (!bytes.empty()) {
    std::memcpy(out, bytes.data(), bytes.size());
  }
}

}  // namespace

char* write_frame_header(char* out, Opcode opcode, std::size_t payload_size) noexcept {
  PW_CHECK(!is_control(opcode) || payload_size <= kMaxControlPayload);
  out[0] = static_cast<char>(kFin | static_cast<std::uint8_t>(opcode));
  switch (frame_header_size(payload_size)) {
    case 2:
      out[1] = static_cast<char>(payload_size);
      return out + 2;
    case 4:
      out[1] = 126;
      return write_big_endian(out + 2, payload_size, 2);
    default:
      out[1] = 127;
      return write_big_endian(out + 2, payload_size, 8);
  }
}

SharedBuffer encode_frame(Opcode opcode, std::string_view payload) {
  return SharedBuffer::build(frame_header_size(payload.size()) + payload.size(), [opcode, payload](char* out) {
    write_bytes(write_frame_header(out, opcode, payload.size()), payload);
  });
}

SharedBuffer encode_close(std::uint16_t code, std::string_view reason) {
  if (code == close_code::kNone) {
    return encode_frame(Opcode::kClose, {});
  }
  const std::string_view fitting = fitting_reason(reason);
  return SharedBuffer::build(4 + fitting.size(), [code, fitting](char* out) {
    char* body = write_frame_header(out, Opcode::kClose, 2 + fitting.size());
    write_bytes(write_big_endian(body, code, 2), fitting);
  });
}

}  // namespace pushwire::websocket
