// What a Redis server refused, in words for an operator that name the setting to look at.
// Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace pushwire::bus::redis {

// `error` as the server sent it, without its "-"; `server` as "host:port".
std::string explain_refusal(std::string_view error, std::string_view server);
// How a connection failed, as net::ClientStream tells it. `answered`: whether the server had said anything.
std::string explain_loss(std::string_view why, std::string_view server, bool answered, bool tls);

}  // namespace pushwire::bus::redis
