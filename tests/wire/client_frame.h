// The frames of a client (RFC 6455 5.2), good and bad ones, from their words in a transcript. Written apart from
// src/websocket, so that the gateway does not check itself. Pure functions.
#pragma once

#include <array>
#include <string_view>

#include "base/result.h"
#include "literal.h"

namespace pushwire::wire {

inline constexpr std::array<std::string_view, 16> kOpcodes = {"cont",  "text", "binary", "3",  "4",  "5",  "6",  "7",
                                                              "close", "ping", "pong",   "11", "12", "13", "14", "15"};

// frame [fin=0] [op=NAME|3] [rsv=1..7] [mask=none|HEX8] [form=7|16|64] [length=N] [PAYLOAD]
// text|binary|ping|pong PAYLOAD     close [CODE [PAYLOAD]]
Result<Literal> client_frame(std::string_view word, std::string_view arguments);

}  // namespace pushwire::wire
