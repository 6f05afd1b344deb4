// FrameDecoder: takes client frames (RFC 6455 5) apart, in place, and judges every header before anything is stored.
// Owned by one worker; a small value that may be moved between two reads. It holds no payload: pieces of payload are
// unmasked where they lie and handed on. At rest it holds nothing, so that an idle connection needs no decoder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "websocket/frame.h"
#include "websocket/mask.h"

namespace pushwire::websocket {

struct ReadLimits {
  std::size_t max_message_bytes = 64 * 1024;  // summed over the fragments of a message
  // Frames of one message, so that endless tiny or empty fragments, which the byte limit does not count, end too.
  // Browsers and libraries cut messages into pieces of kilobytes; more than this is answered with 1009.
  std::uint32_t max_fragments = 1024;
  bool accept_binary = false;  // otherwise a binary frame is answered with 1003 as soon as its first byte is here
};

// Why the peer must be disconnected: the code for the close frame and a reason of static lifetime.
struct Fault {
  std::uint16_t close_code;
  std::string_view reason;
};

// Some payload bytes of a message or control frame, unmasked.
struct FramePiece {
  Opcode opcode;  // never kContinuation: later fragments carry the opcode of their message
  bool last;      // the message (or control frame) ends with this piece
  std::string_view payload;
};

class FrameDecoder {
 public:
  explicit FrameDecoder(const ReadLimits& limits) noexcept : limits_(limits) {}

  // Reads from the front of `bytes` and moves it past what was read. Returns the next piece, a view into the bytes;
  // nothing when all were read and more are needed; or a fault, after which the decoder must not be used.
  // The outcome does not depend on how the stream was cut into reads, only the size of the pieces does.
  [[nodiscard]] Result<std::optional<FramePiece>, Fault> next(std::span<char>& bytes) noexcept;

  // True when the stream stands between two messages: a new decoder would go on equally well.
  [[nodiscard]] bool at_rest() const noexcept {
    return !in_frame_ && header_filled_ == 0 && message_opcode_ == Opcode::kContinuation;
  }
  const ReadLimits& limits() const noexcept { return limits_; }

 private:
  static constexpr std::size_t kMinHeader = 6;   // two bytes and the mask key
  static constexpr std::size_t kMaxHeader = 14;  // with a 64-bit length

  struct Header {
    Opcode opcode;
    bool fin;
    std::size_t size;  // of the header, as far as it can be told from what has arrived
    std::uint64_t length;
  };

  Result<bool, Fault> read_header(std::span<char>& bytes) noexcept;
  Result<Header, Fault> judge(std::span<const char> arrived) const noexcept;
  std::optional<Fault> judge_first_byte(std::uint8_t byte) const noexcept;
  std::optional<Fault> judge_data_start(Opcode opcode) const noexcept;
  void begin_frame(const Header& header, const char* key) noexcept;
  void end_frame() noexcept;

  // Constant after construction.
  ReadLimits limits_;
  // The open message; opcode kContinuation: none.
  std::size_t message_bytes_ = 0;  // announced so far
  std::uint32_t fragments_ = 0;
  Opcode message_opcode_ = Opcode::kContinuation;
  // The open frame.
  bool in_frame_ = false;
  bool fin_ = false;
  Opcode opcode_ = Opcode::kContinuation;
  MaskKey key_{};
  std::size_t remaining_ = 0;  // payload bytes that have not arrived
  // A header of which only a part has arrived.
  std::array<char, kMaxHeader> header_{};
  std::uint8_t header_filled_ = 0;
};

static_assert(sizeof(FrameDecoder) <= 64, "16 limits, 24 message and frame, 8 remaining, 15 header");

}  // namespace pushwire::websocket
