// The three kinds of payload that a message can carry, and what `format=raw` makes of them.
// Functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pushwire::protocol {

enum class PayloadKind : std::uint8_t { kJson, kText, kBinary };

// Whether write_message() may take `bytes` as a payload of this kind: one JSON text, a JSON string with its quotes and
// without lone surrogates, canonical base64. The API's own reader has made sure; for what comes from elsewhere.
[[nodiscard]] bool is_valid_payload(PayloadKind kind, std::string_view bytes);

// What a raw client gets, from the bytes that stand in the message: JSON as it is, a JSON string (quotes included)
// resolved, base64 decoded. Requires: is_valid_payload().
std::string raw_payload(PayloadKind kind, std::string_view slice);

}  // namespace pushwire::protocol
