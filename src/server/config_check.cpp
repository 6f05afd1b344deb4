#include "server/config_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "server/config_check_bus.h"
#include "server/config_text.h"

namespace pushwire::server {
namespace {

void check_heartbeat(LoadResult& result) {
  const auto& [interval, timeout] = result.config.heartbeat;
  if (result.sound({"heartbeat.interval", "heartbeat.timeout"}) && timeout <= interval) {
    result.add({"heartbeat.timeout", "heartbeat.interval"},
               fmt::format("the timeout ({}) is not longer than the interval ({}), expected more than {}",
                           format_duration(timeout), format_duration(interval), format_duration(interval)));
  }
}

void check_sizes(LoadResult& result) {
  const Config& config = result.config;
  const std::uint64_t largest = largest_message_bytes(config);
  if (result.sound({"outbox.hard_bytes", "api.max_body_bytes"}) && config.outbox.hard_bytes < 2 * largest) {
    result.add({"outbox.hard_bytes", "api.max_body_bytes"},
               fmt::format("outbox.hard_bytes ({}) is less than twice the largest message, expected at least {} "
                           "(2 x (api.max_body_bytes {} + {}))",
                           format_size(config.outbox.hard_bytes), 2 * largest, format_size(config.api.max_body_bytes),
                           format_size(kMessageEnvelopeBytes)));
  }
  if (result.sound({"outbox.hard_bytes", "outbox.soft_bytes"}) && config.outbox.soft_bytes > config.outbox.hard_bytes) {
    result.add({"outbox.soft_bytes", "outbox.hard_bytes"},
               fmt::format("outbox.soft_bytes ({}) is more than outbox.hard_bytes, expected at most {}",
                           format_size(config.outbox.soft_bytes), format_size(config.outbox.hard_bytes)));
  }
  if (result.sound({"node.mailbox_bytes", "api.max_body_bytes"}) && config.node.mailbox_bytes < largest) {
    result.add({"node.mailbox_bytes", "api.max_body_bytes"},
               fmt::format("node.mailbox_bytes ({}) is less than the largest message, expected at least {} "
                           "(api.max_body_bytes {} + {})",
                           format_size(config.node.mailbox_bytes), largest, format_size(config.api.max_body_bytes),
                           format_size(kMessageEnvelopeBytes)));
  }
}

void check_dev_auth(LoadResult& result) {
  const Config& config = result.config;
  if (config.auth.mode != AuthMode::kDev || !result.sound({"auth.mode"})) {
    return;
  }
  if (result.sound({"client.listen"}) && !all_loopback(config.client.listen)) {
    result.add({"client.listen", "auth.mode"},
               "dev auth believes every ?user= and a client listener is not on loopback, expected only addresses like "
               "127.0.0.1 or [::1], or auth.mode = \"jwt\"");
  }
  const std::string_view path = config.client.path;
  if (result.sound({"client.path"}) && (path == "/" || path == "/dev" || path.starts_with("/dev/"))) {
    result.add({"client.path"}, fmt::format("{} belongs to the page that dev auth shows, expected a path like \"/ws\"",
                                            in_quotes(path)));
  }
}

void check_token_keys(LoadResult& result) {
  const Config::Auth& auth = result.config.auth;
  const bool sound = result.sound(
      {"auth.mode", "auth.hmac_secret", "auth.hmac_secret_file", "auth.public_key_file", "auth.jwks_file"});
  const bool any = !auth.hmac_secret.empty() || !auth.public_key_file.empty() || !auth.jwks_file.empty();
  if (sound && auth.mode == AuthMode::kJwt && !any) {
    result.add({"auth.mode"},
               "no key to verify tokens with, expected auth.hmac_secret_file, auth.hmac_secret, auth.public_key_file "
               "or auth.jwks_file (or auth.mode = \"dev\" on loopback)");
  }
  const bool too_short = !auth.hmac_secret.empty() && auth.hmac_secret.size() < kMinHmacSecretBytes;
  if (result.sound({"auth.hmac_secret"}) && too_short) {
    const bool from_file = !auth.hmac_secret_file.empty() && result.sound({"auth.hmac_secret_file"});
    result.add(
        {from_file ? "auth.hmac_secret_file" : "auth.hmac_secret"},
        fmt::format("the secret has {} bytes, expected at least {}", auth.hmac_secret.size(), kMinHmacSecretBytes));
    result.faulty.emplace("auth.hmac_secret");
  }
}

void check_api_access(LoadResult& result) {
  const Config::Api& api = result.config.api;
  if (result.sound({"api.listen", "api.keys", "api.keys_file"}) && api.keys.empty() && !all_loopback(api.listen)) {
    result.add({"api.listen"},
               "anybody could push, as there is no API key and a listener is not on loopback, expected "
               "api.keys_file, api.keys or only loopback addresses");
  }
}

void check_origins(LoadResult& result) {
  const Config::Texts& origins = result.config.client.allowed_origins;
  if (origins.size() > 1 && std::find(origins.begin(), origins.end(), "*") != origins.end()) {
    result.add({"client.allowed_origins"}, "\"*\" stands beside other origins, expected \"*\" alone or only origins");
  }
}

// With SO_REUSEPORT two listeners of our own on one address would both start, and the kernel would deal clients to the
// API; 0.0.0.0 and [::] take every address of their family.
bool collide(const ListenAddress& a, const ListenAddress& b) {
  const auto is_any = [](const ListenAddress& address) { return address.host == "0.0.0.0" || address.host == "::"; };
  if (a.port != b.port || a.port == 0 || a.is_ipv6() != b.is_ipv6()) {
    return false;
  }
  return a.host == b.host || is_any(a) || is_any(b);
}

void check_duplicate_listeners(LoadResult& result) {
  if (!result.sound({"client.listen", "api.listen"})) {
    return;
  }
  struct Named {
    std::string_view key;
    ListenAddress address;
  };
  std::vector<Named> seen;
  const auto look = [&](std::string_view key, const ListenAddress& address) {
    const auto same =
        std::find_if(seen.begin(), seen.end(), [&](const Named& other) { return collide(other.address, address); });
    if (same != seen.end()) {
      result.add({key, same->key}, fmt::format("{} is taken already by {} of {}, expected another address or port",
                                               address.to_text(), same->address.to_text(), same->key));
    }
    seen.push_back({key, address});
  };
  for (const ListenAddress& address : result.config.client.listen) {
    look("client.listen", address);
  }
  for (const ListenAddress& address : result.config.api.listen) {
    look("api.listen", address);
  }
}

}  // namespace

void check_rules(LoadResult& result) {
  check_duplicate_listeners(result);
  check_origins(result);
  check_api_access(result);
  check_dev_auth(result);
  check_token_keys(result);
  check_heartbeat(result);
  check_sizes(result);
  check_bus_rules(result);
}

}  // namespace pushwire::server
