// Socket addresses as text. Values; any thread.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pushwire::net {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  std::uint16_t port() const noexcept;
  // "127.0.0.1:8000", "[::1]:8000".
  std::string to_string() const;
  bool is_loopback() const noexcept;
};

// `host` is an IPv4 or IPv6 address without brackets, or "localhost" (127.0.0.1).
Result<Address> parse_address(std::string_view host, std::uint16_t port);
// The address a socket is bound to, or connected to ("" in text form when the peer has gone).
Address local_address(int fd) noexcept;
Address peer_address(int fd) noexcept;

}  // namespace pushwire::net
