// What the gateway says in the protocol "plain": complete JSON texts, one per text frame (docs/protocol.md).
// Functions, any thread. Strings must be valid UTF-8.
//
// A message is written in two steps, so that the WebSocket header and the text share one allocation: ask
// message_size(), then write_message() into the place. payload_offset() tells where the payload stands in it, which a
// client of `format=raw` gets alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/payload.h"

namespace pushwire::protocol {

struct WelcomeParts {
  std::string_view session;
  std::string_view user;
  std::string_view node;
  std::int64_t heartbeat_ms = 0;
  std::span<const std::string_view> topics;
};

std::string welcome_text(const WelcomeParts& parts);
std::string subscribed_text(std::string_view topic);
std::string unsubscribed_text(std::string_view topic);
std::string_view pong_text() noexcept;

struct ErrorParts {
  std::string_view code;
  std::string_view message;
  std::optional<std::string_view> topic;
};

std::string error_text(const ErrorParts& parts);

struct MessageParts {
  std::string_view id;
  std::optional<std::string_view> event;
  std::optional<std::string_view> topic;
  PayloadKind kind = PayloadKind::kJson;
  // kJson: the bytes of a JSON value. kText: a JSON string, escaped and with its quotes. kBinary: base64.
  std::string_view payload;
};

std::size_t message_size(const MessageParts& parts) noexcept;
// Writes message_size() bytes at `out` and returns the place behind them.
char* write_message(const MessageParts& parts, char* out) noexcept;
// Where `payload` begins in what write_message() wrote; it has its own size there.
std::size_t payload_offset(const MessageParts& parts) noexcept;

}  // namespace pushwire::protocol
