// For the tests of this room: frames as clients send them, also wrong ones, and a reader's events as short texts.
// Single-threaded values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "websocket/message_reader.h"

namespace pushwire::websocket::test {

enum class LengthForm { kShortest, k16, k64 };

struct ClientFrame {
  unsigned first_byte = 0x81;  // FIN, RSV and opcode
  std::string payload = {};
  LengthForm form = LengthForm::kShortest;
  bool masked = true;
  std::optional<std::uint64_t> announced = std::nullopt;  // instead of the payload's size
};

inline std::string encode(const ClientFrame& frame) {
  static constexpr std::string_view kKey = "\x37\xfa\x21\x3d";
  const std::uint64_t length = frame.announced.value_or(frame.payload.size());
  std::size_t extended = 0;
  if (frame.form == LengthForm::k64 || (frame.form == LengthForm::kShortest && length > 0xffff)) {
    extended = 8;
  } else if (frame.form == LengthForm::k16 || length > 125) {
    extended = 2;
  }
  const std::uint64_t length7 = extended == 0 ? length : (extended == 2 ? 126 : 127);
  std::string wire;
  wire += static_cast<char>(frame.first_byte);
  wire += static_cast<char>(length7 | (frame.masked ? 0x80U : 0U));
  for (std::size_t i = 0; i < extended; ++i) {
    wire += static_cast<char>(length >> (8 * (extended - 1 - i)));
  }
  if (frame.masked) {
    wire += kKey;
  }
  for (std::size_t i = 0; i < frame.payload.size(); ++i) {
    wire += frame.masked ? static_cast<char>(frame.payload[i] ^ kKey[i % 4]) : frame.payload[i];
  }
  return wire;
}

inline std::string encode(unsigned first_byte, std::string payload) {
  return encode(ClientFrame{.first_byte = first_byte, .payload = std::move(payload)});
}

inline std::string text(std::string payload) {
  return encode(0x81, std::move(payload));
}
inline std::string close_body(unsigned code, std::string_view reason) {
  std::string body{static_cast<char>(code >> 8), static_cast<char>(code)};
  return body.append(reason);
}

// "text hello", "ping x", "close 1000 bye", "fault 1002".
inline std::string describe(const Event& event) {
  const std::string payload(event.payload);
  switch (event.kind) {
    case Event::Kind::kText:
      return "text " + payload;
    case Event::Kind::kBinary:
      return "binary " + payload;
    case Event::Kind::kPing:
      return "ping " + payload;
    case Event::Kind::kPong:
      return "pong " + payload;
    case Event::Kind::kClose:
      return "close " + std::to_string(event.code) + (payload.empty() ? "" : " " + payload);
    case Event::Kind::kFault:
      return "fault " + std::to_string(event.code);
  }
  return "unknown";
}

// A connection as its owner runs it: every read lies in memory of exactly its size (so that a sanitizer sees a byte
// read too many), a reader is kept only while it is not at rest, and it is moved from read to read.
class Peer {
 public:
  explicit Peer(const ReadLimits& limits) : limits_(limits) {}

  void read(std::string_view chunk) {
    const auto memory = std::make_unique<char[]>(chunk.size());
    std::memcpy(memory.get(), chunk.data(), chunk.size());
    std::span<char> bytes(memory.get(), chunk.size());
    MessageReader reader = kept_.has_value() ? std::move(*kept_) : MessageReader(limits_);
    kept_.reset();
    while (const std::optional<Event> event = reader.next(bytes)) {
      events_.push_back(describe(*event));
      max_buffer_ = std::max(max_buffer_, reader.buffer_bytes());
    }
    max_buffer_ = std::max(max_buffer_, reader.buffer_bytes());
    if (!reader.at_rest()) {
      kept_.emplace(std::move(reader));
    }
  }

  const std::vector<std::string>& events() const { return events_; }
  bool at_rest() const { return !kept_.has_value(); }
  std::size_t max_buffer() const { return max_buffer_; }

 private:
  ReadLimits limits_;
  std::optional<MessageReader> kept_;
  std::vector<std::string> events_;
  std::size_t max_buffer_ = 0;
};

}  // namespace pushwire::websocket::test
