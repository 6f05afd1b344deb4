// MessageReader: the read half of a WebSocket connection (RFC 6455 5.4-5.6, 8.1). Bytes in, events out.
// Owned by one worker; a movable value. Sans-I/O.
//
//   std::span<char> bytes = what one read brought;
//   while (std::optional<Event> event = reader.next(bytes)) { ... }
//
// The caller may destroy everything, the reader included, while it handles an event: nothing of the reader is on the
// stack then. A whole unfragmented frame is handed out as a view into `bytes`, without a copy; only what is unfinished
// is kept, in a buffer that grows with the bytes that arrived, never with the length that was announced.
// A connection keeps no reader while at_rest(): it makes one for a read (constructing costs nothing) and moves it to
// the heap only when the read ended inside a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "websocket/frame_decoder.h"

namespace pushwire::websocket {

struct Event {
  enum class Kind : std::uint8_t {
    kText,    // payload: the message, valid UTF-8
    kBinary,  // payload: the message
    kPing,    // payload: to be sent back in a pong
    kPong,
    kClose,  // code: the peer's, close_code::kNone without one; payload: its reason, valid UTF-8
    kFault,  // code and payload: what our close frame has to say
  };
  Kind kind;
  std::uint16_t code = 0;
  std::string_view payload;  // valid until the next call and while the bytes of this call are
};

class MessageReader {
 public:
  explicit MessageReader(const ReadLimits& limits) noexcept : decoder_(limits) {}

  // Reads from the front of `bytes` (which it unmasks in place) and moves it past what was read. Nothing: all bytes
  // were read, or a close or fault event came before, after which nothing is read any more.
  [[nodiscard]] std::optional<Event> next(std::span<char>& bytes);

  // True when nothing is unfinished and a new reader would go on equally well. False after a close or fault event:
  // a new reader would read on.
  [[nodiscard]] bool at_rest() const noexcept { return !ended_ && decoder_.at_rest(); }

  // Heap memory in use; at most max_message_bytes and one control payload.
  std::size_t buffer_bytes() const noexcept { return buffer_.capacity(); }

 private:
  std::optional<Event> take_data(const FramePiece& piece);
  std::optional<Event> take_control(const FramePiece& piece);
  Event close_event(std::string_view body) noexcept;
  Event fault_event(const Fault& fault) noexcept;
  std::string_view collect(const FramePiece& piece, std::size_t begin);
  void append(std::string_view bytes);

  FrameDecoder decoder_;
  // The first kept_ bytes belong to the unfinished message; behind them is an unfinished control frame, which may
  // come between two fragments, or what was handed out last.
  std::vector<char> buffer_;
  std::size_t kept_ = 0;
  Utf8Validator utf8_;       // of the unfinished text message
  bool handed_out_ = false;  // the last event's payload lies in buffer_, behind kept_
  bool ended_ = false;
};

static_assert(sizeof(MessageReader) <= 104, "64 decoder, 24 buffer, 8 kept, 5 validator and flags");

}  // namespace pushwire::websocket
