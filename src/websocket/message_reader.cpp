#include "websocket/message_reader.h"

#include <algorithm>

#include "websocket/close_code.h"

namespace pushwire::websocket {
namespace {

constexpr std::size_t kFirstBuffer = 64;

}  // namespace

std::optional<Event> MessageReader::next(std::span<char>& bytes) {
  if (handed_out_) {
    buffer_.resize(kept_);
    handed_out_ = false;
  }
  while (!ended_) {
    const Result<std::optional<FramePiece>, Fault> step = decoder_.next(bytes);
    if (!step) {
      return fault_event(step.error());
    }
    if (!step->has_value()) {
      return std::nullopt;
    }
    const FramePiece& piece = **step;
    if (std::optional<Event> event = is_control(piece.opcode) ? take_control(piece) : take_data(piece)) {
      return event;
    }
  }
  return std::nullopt;
}

std::optional<Event> MessageReader::take_data(const FramePiece& piece) {
  const bool is_text = piece.opcode == Opcode::kText;
  if (is_text && (!utf8_.feed(piece.payload) || (piece.last && !utf8_.complete()))) {
    return fault_event({close_code::kInvalidPayload, "text is not UTF-8"});
  }
  const std::string_view message = collect(piece, 0);
  if (!piece.last) {
    kept_ = buffer_.size();
    return std::nullopt;
  }
  kept_ = 0;
  return Event{.kind = is_text ? Event::Kind::kText : Event::Kind::kBinary, .payload = message};
}

std::optional<Event> MessageReader::take_control(const FramePiece& piece) {
  const std::string_view body = collect(piece, kept_);
  if (!piece.last) {
    return std::nullopt;
  }
  if (piece.opcode == Opcode::kClose) {
    return close_event(body);
  }
  return Event{.kind = piece.opcode == Opcode::kPing ? Event::Kind::kPing : Event::Kind::kPong, .payload = body};
}

Event MessageReader::close_event(std::string_view body) noexcept {
  if (body.empty()) {
    ended_ = true;
    return {.kind = Event::Kind::kClose, .code = close_code::kNone, .payload = {}};
  }
  if (body.size() == 1) {
    return fault_event({close_code::kProtocolError, "close frame with half a code"});  // RFC 6455 5.5.1
  }
  const auto code =
      static_cast<std::uint16_t>(static_cast<unsigned char>(body[0]) << 8 | static_cast<unsigned char>(body[1]));
  if (!is_valid_received_close_code(code)) {
    return fault_event({close_code::kProtocolError, "close code is not allowed"});  // RFC 6455 7.4
  }
  const std::string_view reason = body.substr(2);
  if (!is_valid_utf8(reason)) {
    return fault_event({close_code::kInvalidPayload, "close reason is not UTF-8"});
  }
  ended_ = true;
  return {.kind = Event::Kind::kClose, .code = code, .payload = reason};
}

Event MessageReader::fault_event(const Fault& fault) noexcept {
  ended_ = true;
  buffer_ = {};
  kept_ = 0;
  handed_out_ = false;
  return {.kind = Event::Kind::kFault, .code = fault.close_code, .payload = fault.reason};
}

// What has arrived of the message or control frame that begins at buffer_[begin], this piece included. If the piece
// is all of it, it stays where it lies.
std::string_view MessageReader::collect(const FramePiece& piece, std::size_t begin) {
  if (piece.last && buffer_.size() == begin) {
    return piece.payload;
  }
  append(piece.payload);
  handed_out_ = piece.last;
  return {buffer_.data() + begin, buffer_.size() - begin};
}

// Doubles, but never beyond the message limit: std::vector's own growth would overshoot it.
void MessageReader::append(std::string_view bytes) {
  const std::size_t needed = buffer_.size() + bytes.size();
  if (needed > buffer_.capacity()) {
    const std::size_t doubled = std::max(kFirstBuffer, 2 * buffer_.capacity());
    buffer_.reserve(std::max(needed, std::min(doubled, decoder_.limits().max_message_bytes)));
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

}  // namespace pushwire::websocket
