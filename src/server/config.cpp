#include "server/config.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace pushwire::server {
namespace {

constexpr std::string_view kExpected =
    "expected ADDRESS:PORT like \"127.0.0.1:8000\", \"[::1]:8000\" or \"localhost:8000\"";

// The canonical spelling, or nothing. `family` is AF_INET or AF_INET6.
std::optional<std::string> canonical_host(int family, std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> spelled{};
  const std::string host(text);
  if (host.find('\0') != std::string::npos || inet_pton(family, host.c_str(), bytes.data()) != 1) {
    return std::nullopt;
  }
  return inet_ntop(family, bytes.data(), spelled.data(), spelled.size());
}

std::optional<std::string> parse_host(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    return canonical_host(AF_INET6, text.substr(1, text.size() - 2));
  }
  return canonical_host(AF_INET, text == "localhost" ? "127.0.0.1" : text);
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return fail(fmt::format("an address without a port, {}", kExpected));
  }
  auto host = parse_host(text.substr(0, colon));
  if (!host) {
    return fail(fmt::format("not an address to listen on, {}", kExpected));
  }
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [stop, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (fault != std::errc{} || stop != digits.data() + digits.size()) {
    return fail("an address with a bad port, expected 0 to 65535 (0: any free port)");
  }
  return ListenAddress{*std::move(host), port};
}

bool ListenAddress::is_loopback() const {
  constexpr std::string_view kMapped = "::ffff:127.";
  return host == "::1" || host.starts_with("127.") || host.starts_with(kMapped);
}

std::string ListenAddress::to_text() const {
  return is_ipv6() ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

bool all_loopback(const Config::Addresses& addresses) {
  return std::all_of(addresses.begin(), addresses.end(), [](const ListenAddress& a) { return a.is_loopback(); });
}

}  // namespace pushwire::server
