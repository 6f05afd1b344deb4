// ClientMessage: what a client says in one text frame of the protocol "plain" (docs/protocol.md).
// A value over the frame's text, which must outlive it; any thread. Allocates only where strings are escaped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/text.h"

namespace pushwire::protocol {

enum class ClientMessageKind : std::uint8_t { kPing, kSubscribe, kUnsubscribe, kAck };

struct ClientMessage {
  ClientMessageKind kind = ClientMessageKind::kPing;
  Text value;  // subscribe, unsubscribe: the topic; ack: the message id
};

// What the error frame of the answer says.
struct ClientMessageFault {
  std::string_view code;             // "bad_message" or "topic_invalid"
  std::string_view message;          // for people, a constant text
  std::optional<std::string> topic;  // with topic_invalid, when the wrong topic is short enough to repeat
};

inline constexpr std::string_view kBadMessage = "bad_message";
inline constexpr std::string_view kTopicInvalid = "topic_invalid";
inline constexpr std::string_view kTopicForbidden = "topic_forbidden";
inline constexpr std::string_view kTopicLimit = "topic_limit";

Result<ClientMessage, ClientMessageFault> parse_client_message(std::string_view text);

}  // namespace pushwire::protocol
