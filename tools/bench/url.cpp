#include "bench/url.h"

#include <fmt/format.h>

#include <charconv>

namespace pushwire::bench {

Result<Url> parse_url(std::string_view text) {
  std::string_view rest = text;
  for (const std::string_view scheme : {"ws://", "http://"}) {
    if (rest.starts_with(scheme)) {
      rest.remove_prefix(scheme.size());
      break;
    }
  }
  if (rest.size() == text.size()) {
    return fail(fmt::format("\"{}\" does not begin with ws:// or http://", text));
  }
  const std::size_t slash = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, slash);
  const std::size_t colon = authority.rfind(':');
  std::string_view host = authority.substr(0, colon);
  std::uint16_t port = 0;
  const std::string_view digits = colon == authority.npos ? "80" : authority.substr(colon + 1);
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (fault != std::errc{} || end != digits.data() + digits.size() || port == 0) {
    return fail(fmt::format("\"{}\" has no valid port", text));
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  const Result<net::Address> address = net::parse_address(host, port);
  if (!address) {
    return tl::unexpected(address.error());
  }
  std::string target(slash == rest.npos ? std::string_view() : rest.substr(slash));
  if (!target.starts_with('/')) {
    target.insert(0, "/");
  }
  return Url{*address, std::string(authority), std::move(target)};
}

}  // namespace pushwire::bench
