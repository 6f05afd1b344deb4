#include "net/endpoint.h"

#include <algorithm>
#include <charconv>

namespace pushwire::net {
namespace {

constexpr std::size_t kLongestHost = 253;  // of a name in the DNS

// Letters of a host name or of an address. A user, a path or a second host in the text is a mistake to tell, not to
// try.
bool is_host_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
         letter == '.' || letter == '-' || letter == '_' || letter == ':' || letter == '%';
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= kLongestHost && std::all_of(host.begin(), host.end(), is_host_letter);
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

tl::unexpected<Error> bad(std::string_view text, std::string_view expected) {
  return fail("\"" + std::string(text) + "\": " + std::string(expected));
}

}  // namespace

std::string Endpoint::to_string() const {
  const bool bracketed = host.find(':') != std::string::npos;
  return (bracketed ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) {
      return bad(text, "the bracket is not closed; expected [IPV6]:PORT");
    }
    host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') {
      return bad(text, "expected [IPV6]:PORT");
    }
    has_port = !rest.empty();
    port = has_port ? rest.substr(1) : rest;
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    if (text.find(':', colon + 1) != std::string_view::npos) {
      return bad(text, "an IPv6 address stands in brackets: [IPV6]:PORT");
    }
    host = text.substr(0, colon);
    has_port = true;
    port = text.substr(colon + 1);
  }
  if (!is_host(host)) {
    return bad(text, "expected HOST:PORT");
  }
  Endpoint endpoint{std::string(host), default_port};
  if (has_port ? !parse_port(port, endpoint.port) : default_port == 0) {
    return bad(text, has_port ? "the port is a number from 1 to 65535" : "the port is missing; expected HOST:PORT");
  }
  return endpoint;
}

}  // namespace pushwire::net
