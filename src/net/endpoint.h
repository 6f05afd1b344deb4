// Endpoint: a host and a port as an operator writes them. A value; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pushwire::net {

struct Endpoint {
  std::string host;  // name or address, IPv6 without brackets
  std::uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
  // "redis.internal:6379", "[::1]:6379".
  std::string to_string() const;
};

// "host:port" or "[::1]:port"; `default_port` when there is none (0: a port must be there). The error quotes the text
// and says what is expected; the caller puts the setting's name before it.
Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port = 0);

}  // namespace pushwire::net
