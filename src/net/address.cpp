#include "net/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <cstring>

namespace pushwire::net {
namespace {

const sockaddr_in& as_v4(const Address& address) {
  return reinterpret_cast<const sockaddr_in&>(address.storage);
}
const sockaddr_in6& as_v6(const Address& address) {
  return reinterpret_cast<const sockaddr_in6&>(address.storage);
}

}  // namespace

std::uint16_t Address::port() const noexcept {
  return ntohs(storage.ss_family == AF_INET6 ? as_v6(*this).sin6_port : as_v4(*this).sin_port);
}

std::string Address::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    inet_ntop(AF_INET, &as_v4(*this).sin_addr, text.data(), text.size());
    return fmt::format("{}:{}", text.data(), port());
  }
  if (storage.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &as_v6(*this).sin6_addr, text.data(), text.size());
    return fmt::format("[{}]:{}", text.data(), port());
  }
  return {};
}

bool Address::is_loopback() const noexcept {
  if (storage.ss_family == AF_INET) {
    return (ntohl(as_v4(*this).sin_addr.s_addr) >> 24) == 127;
  }
  return storage.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&as_v6(*this).sin6_addr) != 0;
}

Result<Address> parse_address(std::string_view host, std::uint16_t port) {
  const std::string text(host == "localhost" ? "127.0.0.1" : host);
  Address address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  const bool whole = text.find('\0') == text.npos;  // inet_pton() would see only what is before it
  if (whole && inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.length = sizeof v4;
    return address;
  }
  if (whole && inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.length = sizeof v6;
    return address;
  }
  return fail(fmt::format("'{}' is no IPv4 or IPv6 address and not localhost", host));
}

Address local_address(int fd) noexcept {
  Address address;
  address.length = sizeof address.storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) {
    return {};
  }
  return address;
}

Address peer_address(int fd) noexcept {
  Address address;
  address.length = sizeof address.storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) {
    return {};
  }
  return address;
}

}  // namespace pushwire::net
