// The WebSocket opening handshake (RFC 6455 4.2): keys, header lists and the 101 answer. Sans-I/O; reading the HTTP
// request and the order of the refusals belong to the caller. Pure functions and values; any thread.
// No extension is negotiated: a Sec-WebSocket-Extensions header, well-formed or not, is left unread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pushwire::websocket {

// Sec-WebSocket-Key must be the canonical base64 of 16 bytes (RFC 6455 4.2.1).
[[nodiscard]] bool is_valid_key(std::string_view sec_websocket_key);

// The value of Sec-WebSocket-Accept for a valid key.
[[nodiscard]] std::string accept_key(std::string_view sec_websocket_key);

// Whether a comma-separated header value (Connection, Upgrade) names the token, in any case of letters.
[[nodiscard]] bool has_token(std::string_view header_value, std::string_view token) noexcept;

// What the client offers in Sec-WebSocket-Protocol, in its order. The names are views into the header values.
class Subprotocols {
 public:
  static constexpr std::size_t kMaxNames = 32;
  static constexpr std::size_t kMaxHeaderBytes = 8 * 1024;  // of all headers; a token in "bearer.T" may be long

  // Adds one header line; there may be several (RFC 6455 11.3.4). An error is the client's fault (400): an empty
  // name, a character that is not allowed in a token, a name twice, or too many. The error never repeats the value,
  // which may hold a secret.
  [[nodiscard]] Result<> add(std::string_view header_value);

  [[nodiscard]] bool contains(std::string_view name) const noexcept;
  // The rest of the first name that begins so: the T of "bearer.T".
  [[nodiscard]] std::optional<std::string_view> after_prefix(std::string_view prefix) const noexcept;
  std::span<const std::string_view> names() const noexcept { return names_; }

 private:
  std::vector<std::string_view> names_;
  std::size_t header_bytes_ = 0;
};

// The 101 answer up to and including the empty line; without a subprotocol header when `subprotocol` is empty.
// Requires: a valid accept value, a token.
[[nodiscard]] std::string write_response(std::string_view accept, std::string_view subprotocol);

}  // namespace pushwire::websocket
