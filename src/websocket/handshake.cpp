#include "websocket/handshake.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/base64.h"
#include "base/check.h"

namespace pushwire::websocket {
namespace {

constexpr std::string_view kKeySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kKeyLength = 24;
constexpr std::size_t kSha1Bytes = 20;

// Fetched once: looking an algorithm up costs more than the digest of such a short text.
const EVP_MD* sha1() noexcept {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  PW_CHECK(algorithm != nullptr);
  return algorithm;
}

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

// RFC 9110 5.6.2.
constexpr bool is_token_char(char c) noexcept {
  const bool is_alphanumeric = (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
  return is_alphanumeric || (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes the next element off a comma-separated list. Nothing when the list has ended.
class ListCursor {
 public:
  explicit ListCursor(std::string_view list) noexcept : rest_(list) {}

  std::optional<std::string_view> next() noexcept {
    if (done_) {
      return std::nullopt;
    }
    const std::size_t comma = rest_.find(',');
    const std::string_view element = trimmed(rest_.substr(0, comma));
    done_ = comma == std::string_view::npos;
    if (!done_) {
      rest_.remove_prefix(comma + 1);
    }
    return element;
  }

 private:
  std::string_view rest_;
  bool done_ = false;
};

}  // namespace

bool is_valid_key(std::string_view sec_websocket_key) {
  if (sec_websocket_key.size() != kKeyLength) {
    return false;
  }
  const std::optional<std::string> bytes = base64_decode(sec_websocket_key);
  return bytes.has_value() && bytes->size() == kKeyBytes;
}

std::string accept_key(std::string_view sec_websocket_key) {
  std::string text(sec_websocket_key);
  text += kKeySuffix;
  std::array<unsigned char, kSha1Bytes> digest;
  const int done = EVP_Digest(text.data(), text.size(), digest.data(), nullptr, sha1(), nullptr);
  PW_CHECK(done == 1);
  return base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

bool has_token(std::string_view header_value, std::string_view token) noexcept {
  ListCursor list(header_value);
  while (const std::optional<std::string_view> element = list.next()) {
    if (equals_ignoring_case(*element, token)) {
      return true;
    }
  }
  return false;
}

Result<> Subprotocols::add(std::string_view header_value) {
  header_bytes_ += header_value.size();
  if (header_bytes_ > kMaxHeaderBytes) {
    return fail("Sec-WebSocket-Protocol is too long");
  }
  ListCursor list(header_value);
  while (const std::optional<std::string_view> name = list.next()) {
    if (!is_token(*name)) {
      return fail("Sec-WebSocket-Protocol is not a list of tokens");
    }
    if (names_.size() == kMaxNames) {
      return fail("Sec-WebSocket-Protocol has too many names");
    }
    if (contains(*name)) {
      return fail("Sec-WebSocket-Protocol has a name twice");  // RFC 6455 4.1
    }
    names_.push_back(*name);
  }
  return {};
}

bool Subprotocols::contains(std::string_view name) const noexcept {
  return std::ranges::find(names_, name) != names_.end();
}

std::optional<std::string_view> Subprotocols::after_prefix(std::string_view prefix) const noexcept {
  const auto found = std::ranges::find_if(names_, [prefix](std::string_view name) { return name.starts_with(prefix); });
  if (found == names_.end()) {
    return std::nullopt;
  }
  return found->substr(prefix.size());
}

std::string write_response(std::string_view accept, std::string_view subprotocol) {
  std::string response = fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n",
      accept);
  if (!subprotocol.empty()) {
    fmt::format_to(std::back_inserter(response), "Sec-WebSocket-Protocol: {}\r\n", subprotocol);
  }
  response += "\r\n";
  return response;
}

}  // namespace pushwire::websocket
