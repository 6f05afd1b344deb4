// Url: where to connect, from ws://HOST:PORT/TARGET or http://…. No TLS. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/address.h"

namespace pushwire::bench {

struct Url {
  net::Address address;
  std::string authority;  // for the Host header
  std::string target;     // path and query, "/" if none; may still hold places of a template
};

// HOST is an IP address (IPv6 in brackets) or localhost.
Result<Url> parse_url(std::string_view text);

}  // namespace pushwire::bench
