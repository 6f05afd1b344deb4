#include "api/api_keys.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>

#include <algorithm>

#include "http/request.h"

namespace pushwire::api {
namespace {

constexpr std::string_view kScheme = "Bearer ";

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

ApiKeys::ApiKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    digests_.push_back(digest_of(key));
  }
}

bool ApiKeys::accept(std::optional<std::string_view> authorization) const noexcept {
  if (!authorization || authorization->size() <= kScheme.size() ||
      !http::equals_ignoring_case(authorization->substr(0, kScheme.size()), kScheme)) {
    return false;
  }
  const Digest given = digest_of(authorization->substr(kScheme.size()));
  unsigned equal = 0;
  for (const Digest& digest : digests_) {
    equal |= CRYPTO_memcmp(digest.bytes.data(), given.bytes.data(), given.bytes.size()) == 0 ? 1U : 0U;
  }
  return equal != 0;
}

bool is_loopback_host(std::string_view host) noexcept {
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    if (!is_digits(host.substr(colon + 1))) {
      return false;
    }
    host = host.substr(0, colon);
  }
  if (http::equals_ignoring_case(host, "localhost") || host == "[::1]") {
    return true;
  }
  in_addr address{};
  const std::string text(host);
  if (text.find('\0') != std::string::npos) {
    return false;  // inet_pton() would not see what stands behind it
  }
  return inet_pton(AF_INET, text.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

}  // namespace pushwire::api
