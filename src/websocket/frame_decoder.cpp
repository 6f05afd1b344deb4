#include "websocket/frame_decoder.h"

#include <algorithm>
#include <cstring>

#include "websocket/close_code.h"

namespace pushwire::websocket {
namespace {

constexpr std::uint8_t kFinBit = 0x80;
constexpr std::uint8_t kReservedBits = 0x70;
constexpr std::uint8_t kOpcodeBits = 0x0f;
constexpr std::uint8_t kMaskBit = 0x80;
constexpr std::uint8_t kLengthBits = 0x7f;
constexpr std::uint8_t kLength16 = 126;
constexpr std::uint8_t kLength64 = 127;

constexpr Fault protocol_error(std::string_view reason) noexcept {
  return {close_code::kProtocolError, reason};
}

tl::unexpected<Fault> refuse(const Fault& fault) noexcept {
  return tl::unexpected<Fault>(fault);
}

std::uint8_t byte_at(std::span<const char> bytes, std::size_t at) noexcept {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint64_t read_big_endian(std::span<const char> bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value = value << 8 | byte_at(bytes, i);
  }
  return value;
}

constexpr bool is_known(Opcode opcode) noexcept {
  return (static_cast<std::uint8_t>(opcode) & 0x7U) <= 2;
}

constexpr std::size_t extended_length_size(std::uint8_t length7) noexcept {
  if (length7 < kLength16) {
    return 0;
  }
  return length7 == kLength16 ? 2 : 8;
}

}  // namespace

Result<std::optional<FramePiece>, Fault> FrameDecoder::next(std::span<char>& bytes) noexcept {
  if (!in_frame_) {
    const Result<bool, Fault> ready = read_header(bytes);
    if (!ready) {
      return refuse(ready.error());
    }
    if (!*ready) {
      return std::nullopt;
    }
  }
  if (remaining_ > 0 && bytes.empty()) {
    return std::nullopt;
  }

  const std::span<char> payload = bytes.first(std::min(remaining_, bytes.size()));
  bytes = bytes.subspan(payload.size());
  remaining_ -= payload.size();
  key_ = unmask(payload, key_);

  const bool frame_done = remaining_ == 0;
  const FramePiece piece{.opcode = is_control(opcode_) ? opcode_ : message_opcode_,
                         .last = frame_done && fin_,
                         .payload = {payload.data(), payload.size()}};
  if (frame_done) {
    end_frame();
  }
  return piece;
}

// True when a whole header was read and its frame is open.
Result<bool, Fault> FrameDecoder::read_header(std::span<char>& bytes) noexcept {
  if (header_filled_ == 0) {
    // The usual case: the whole header lies in the buffer.
    const Result<Header, Fault> header = judge(bytes.first(std::min(bytes.size(), kMaxHeader)));
    if (!header) {
      return refuse(header.error());
    }
    if (bytes.size() >= header->size) {
      begin_frame(*header, bytes.data() + header->size - sizeof(MaskKey));
      bytes = bytes.subspan(header->size);
      return true;
    }
  }
  while (true) {
    const Result<Header, Fault> header = judge(std::span(header_).first(header_filled_));
    if (!header) {
      return refuse(header.error());
    }
    if (header_filled_ == header->size) {
      begin_frame(*header, header_.data() + header->size - sizeof(MaskKey));
      return true;
    }
    if (bytes.empty()) {
      return false;
    }
    const std::size_t taken = std::min(header->size - header_filled_, bytes.size());
    std::memcpy(header_.data() + header_filled_, bytes.data(), taken);
    header_filled_ = static_cast<std::uint8_t>(header_filled_ + taken);
    bytes = bytes.subspan(taken);
  }
}

// Judges what has arrived of a header strictly in the order of the wire, so that the verdict comes with the earliest
// byte that shows the fault and is the same however the stream was cut. `length` counts only in a whole header.
Result<FrameDecoder::Header, Fault> FrameDecoder::judge(std::span<const char> arrived) const noexcept {
  Header header{.opcode = Opcode::kContinuation, .fin = false, .size = kMinHeader, .length = 0};
  if (arrived.empty()) {
    return header;
  }
  const std::uint8_t first = byte_at(arrived, 0);
  if (const std::optional<Fault> fault = judge_first_byte(first)) {
    return refuse(*fault);
  }
  header.opcode = Opcode{static_cast<std::uint8_t>(first & kOpcodeBits)};
  header.fin = (first & kFinBit) != 0;
  if (arrived.size() < 2) {
    return header;
  }

  const std::uint8_t second = byte_at(arrived, 1);
  if ((second & kMaskBit) == 0) {
    return refuse(protocol_error("frame is not masked"));  // RFC 6455 5.1
  }
  const std::uint8_t length7 = second & kLengthBits;
  if (is_control(header.opcode) && length7 > kMaxControlPayload) {
    return refuse(protocol_error("control frame is too long"));  // RFC 6455 5.5
  }
  const std::size_t extended = extended_length_size(length7);
  header.size = kMinHeader + extended;
  if (arrived.size() < 2 + extended) {
    return header;
  }

  header.length = extended == 0 ? length7 : read_big_endian(arrived.subspan(2, extended));
  if ((length7 == kLength16 && header.length < kLength16) || (length7 == kLength64 && header.length <= 0xffff)) {
    return refuse(protocol_error("length is not in its shortest form"));  // RFC 6455 5.2
  }
  if (header.length >> 63 != 0) {
    return refuse(protocol_error("length has its top bit set"));  // RFC 6455 5.2
  }
  // message_bytes_ never exceeds the limit, so that the difference cannot wrap around.
  if (!is_control(header.opcode) && header.length > limits_.max_message_bytes - message_bytes_) {
    return refuse({close_code::kMessageTooBig, "message is too big"});
  }
  return header;
}

std::optional<Fault> FrameDecoder::judge_first_byte(std::uint8_t byte) const noexcept {
  if ((byte & kReservedBits) != 0) {
    return protocol_error("reserved bits without an extension");  // RFC 6455 5.2
  }
  const Opcode opcode{static_cast<std::uint8_t>(byte & kOpcodeBits)};
  if (!is_known(opcode)) {
    return protocol_error("reserved opcode");  // RFC 6455 5.2
  }
  if (!is_control(opcode)) {
    return judge_data_start(opcode);
  }
  if ((byte & kFinBit) == 0) {
    return protocol_error("fragmented control frame");  // RFC 6455 5.5
  }
  return std::nullopt;
}

std::optional<Fault> FrameDecoder::judge_data_start(Opcode opcode) const noexcept {
  const bool in_message = message_opcode_ != Opcode::kContinuation;
  if (opcode == Opcode::kContinuation && !in_message) {
    return protocol_error("continuation without a message");  // RFC 6455 5.4
  }
  if (opcode != Opcode::kContinuation && in_message) {
    return protocol_error("new message inside a message");  // RFC 6455 5.4
  }
  if (opcode == Opcode::kBinary && !limits_.accept_binary) {
    return Fault{close_code::kUnsupportedData, "binary messages are not accepted"};
  }
  if (fragments_ >= limits_.max_fragments) {
    return Fault{close_code::kMessageTooBig, "message has too many fragments"};
  }
  return std::nullopt;
}

void FrameDecoder::begin_frame(const Header& header, const char* key) noexcept {
  in_frame_ = true;
  header_filled_ = 0;
  opcode_ = header.opcode;
  fin_ = header.fin;
  remaining_ = header.length;
  std::memcpy(key_.data(), key, key_.size());
  if (is_control(opcode_)) {
    return;
  }
  if (opcode_ != Opcode::kContinuation) {
    message_opcode_ = opcode_;
  }
  message_bytes_ += header.length;
  ++fragments_;
}

void FrameDecoder::end_frame() noexcept {
  in_frame_ = false;
  if (fin_ && !is_control(opcode_)) {
    message_opcode_ = Opcode::kContinuation;
    message_bytes_ = 0;
    fragments_ = 0;
  }
}

}  // namespace pushwire::websocket
