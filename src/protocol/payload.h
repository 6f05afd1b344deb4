// The three kinds of payload that a message can carry, and what `format=raw` makes of them.
// Functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pushwire::protocol {

enum class PayloadKind : std::uint8_t { kJson, kText, kBinary };

// What a raw client gets, from the bytes that stand in the message: JSON as it is, a JSON string (quotes included)
// resolved, base64 decoded. Requires: `slice` is the payload of a message that write_message() wrote.
std::string raw_payload(PayloadKind kind, std::string_view slice);

}  // namespace pushwire::protocol
