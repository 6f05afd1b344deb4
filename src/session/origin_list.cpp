#include "session/origin_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace pushwire::session {
namespace {

constexpr std::size_t kMaxOriginBytes = 512;

struct DefaultPort {
  std::string_view scheme;
  std::uint16_t port;
};
constexpr std::array<DefaultPort, 4> kDefaultPorts{{{"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_alphanumeric(char c) {
  return is_digit(c) || is_letter(c);
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

// RFC 3986 3.1.
bool is_scheme(std::string_view text) {
  return !text.empty() && is_letter(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '+' || c == '-' || c == '.'; });
}

bool is_host(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) {
    text = text.substr(1, text.size() - 2);
    return !text.empty() && std::ranges::all_of(text, [](char c) { return is_hex(c) || c == ':' || c == '.'; });
  }
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

// Empty for "no port written"; 0 for one that is not valid.
std::optional<unsigned> read_port(std::string_view rest) {
  if (rest.empty()) {
    return std::nullopt;
  }
  rest.remove_prefix(1);
  unsigned port = 0;
  const bool digits = !rest.empty() && rest.size() <= 5 && std::ranges::all_of(rest, is_digit);
  for (std::size_t i = 0; digits && i < rest.size(); ++i) {
    port = port * 10 + static_cast<unsigned>(rest[i] - '0');
  }
  return port <= 65535 ? port : 0;
}

// Lower case with the port written out; empty when it is no scheme://host[:port].
std::optional<std::string> normalise(std::string_view origin) {
  if (origin.size() > kMaxOriginBytes) {
    return std::nullopt;
  }
  const std::string text = to_lower(origin);
  const std::size_t mark = text.find("://");
  if (mark == std::string::npos) {
    return std::nullopt;
  }
  const std::string_view scheme = std::string_view(text).substr(0, mark);
  const std::string_view authority = std::string_view(text).substr(mark + 3);
  const std::size_t colon = authority.find(':', authority.starts_with('[') ? authority.find(']') : 0);
  const std::string_view host = authority.substr(0, colon);
  const std::optional<unsigned> port =
      read_port(colon == std::string_view::npos ? std::string_view{} : authority.substr(colon));
  if (!is_scheme(scheme) || !is_host(host) || port == 0U) {
    return std::nullopt;
  }
  const auto known = std::ranges::find(kDefaultPorts, scheme, &DefaultPort::scheme);
  if (port || known != kDefaultPorts.end()) {
    return fmt::format("{}://{}:{}", scheme, host, port ? *port : known->port);
  }
  return text;
}

std::string explain(std::string_view entry) {
  constexpr std::string_view kExpected = "expected scheme://host or scheme://host:port, like https://app.example.com";
  if (entry == "null") {
    return "\"null\" is the origin of every sandboxed page and cannot be allowed by itself";
  }
  if (entry.find('*') != std::string_view::npos) {
    return fmt::format("\"{}\": a * stands only alone, for every origin; list each host", entry);
  }
  if (entry.ends_with('/')) {
    return fmt::format("\"{}\": an origin has no path; leave out the final /", entry);
  }
  return fmt::format("\"{}\": {}", entry, kExpected);
}

}  // namespace

Result<OriginList> OriginList::parse(const std::vector<std::string>& entries) {
  OriginList list;
  if (entries.size() == 1 && entries.front() == "*") {
    list.any_ = true;
    return list;
  }
  for (const std::string& entry : entries) {
    std::optional<std::string> origin = normalise(entry);
    if (!origin) {
      return fail(entry == "*" ? "\"*\" allows every origin: give it alone or leave it out" : explain(entry));
    }
    list.origins_.push_back(std::move(*origin));
  }
  return list;
}

OriginList OriginList::with_dev_origins(std::uint16_t port, std::string_view scheme) const {
  OriginList list = *this;
  list.origins_.push_back(fmt::format("{}://127.0.0.1:{}", scheme, port));
  list.origins_.push_back(fmt::format("{}://localhost:{}", scheme, port));
  return list;
}

bool OriginList::allows(std::optional<std::string_view> origin, std::size_t header_count) const {
  if (any_ || header_count == 0) {
    return true;
  }
  if (header_count > 1 || !origin) {
    return false;
  }
  const std::optional<std::string> normal = normalise(*origin);
  return normal && std::ranges::find(origins_, *normal) != origins_.end();
}

}  // namespace pushwire::session
