// The node's configuration as typed values with their defaults. How it is written is the table in config_keys.h, how it
// is read is config_load.h. Value types, any thread; the gateway keeps one and replaces it on a reload.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "bus/settings.h"

namespace pushwire::server {

enum class AuthMode : std::uint8_t { kJwt, kDev };
enum class OnLimit : std::uint8_t { kCloseOldest, kRejectNew };
enum class ClientIo : std::uint8_t { kAuto, kEpoll, kUring };
enum class LogStyle : std::uint8_t { kAuto, kText, kJson };

// A numeric address and a port; `host` is in inet_ntop's spelling and without brackets.
struct ListenAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;

  bool operator==(const ListenAddress&) const = default;
  [[nodiscard]] bool is_ipv6() const { return host.find(':') != std::string::npos; }
  [[nodiscard]] bool is_loopback() const;
  // "127.0.0.1:8000" or "[::1]:8000".
  [[nodiscard]] std::string to_text() const;
};

// "127.0.0.1:8000", "[::1]:8000" or "localhost:8000". Names are not resolved: localhost always is 127.0.0.1.
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);

struct Config {
  using Duration = std::chrono::milliseconds;
  using Texts = std::vector<std::string>;
  using Addresses = std::vector<ListenAddress>;

  struct Node {
    std::string name;  // load_config fills it: host name and a random suffix that stays for the life of the process
    std::uint64_t workers = 0;
    std::uint64_t mailbox_bytes = std::uint64_t{64} << 20;
    bool operator==(const Node&) const = default;
  };
  struct Client {
    Addresses listen = {{"127.0.0.1", 8000}};
    std::string path = "/ws";
    Texts allowed_origins;
    std::uint64_t max_connections = 0;
    std::uint64_t max_message_bytes = std::uint64_t{64} << 10;
    Duration handshake_timeout{10'000};
    std::uint64_t max_pending_handshakes = 10'000;
    std::uint64_t handshakes_per_second = 0;
    Duration close_timeout{2'000};
    ClientIo io = ClientIo::kAuto;
    Texts tls_certificate;
    Texts tls_key;
    [[nodiscard]] bool tls() const { return !tls_certificate.empty(); }
    bool operator==(const Client&) const = default;
  };
  struct Api {
    Addresses listen = {{"127.0.0.1", 8001}};
    Texts keys;  // after loading also those of keys_file
    std::string keys_file;
    std::uint64_t max_body_bytes = std::uint64_t{1} << 20;
    Duration request_timeout{10'000};
    Texts tls_certificate;
    Texts tls_key;
    std::string tls_client_ca;
    [[nodiscard]] bool tls() const { return !tls_certificate.empty(); }
    bool operator==(const Api&) const = default;
  };
  struct Auth {
    AuthMode mode = AuthMode::kJwt;
    std::string hmac_secret;  // after loading also what hmac_secret_file holds
    std::string hmac_secret_file;
    std::string public_key_file;
    std::string jwks_file;
    std::string issuer;
    std::string audience;
    Duration leeway{30'000};
    std::string user_claim = "sub";
    bool require_exp = true;
    bool operator==(const Auth&) const = default;
  };
  struct Session {
    std::uint64_t max_connections_per_user = 10;
    OnLimit on_limit = OnLimit::kCloseOldest;
    bool operator==(const Session&) const = default;
  };
  struct Topics {
    Texts allow;
    std::uint64_t max_per_connection = 128;
    bool operator==(const Topics&) const = default;
  };
  struct Heartbeat {
    Duration interval{25'000};
    Duration timeout{60'000};
    bool operator==(const Heartbeat&) const = default;
  };
  struct Outbox {
    std::uint64_t soft_bytes = std::uint64_t{64} << 10;
    Duration soft_for{10'000};
    std::uint64_t hard_bytes = std::uint64_t{4} << 20;
    bool operator==(const Outbox&) const = default;
  };
  struct Dedup {
    Duration window{300'000};
    std::uint64_t max_ids = 1'000'000;
    bool operator==(const Dedup&) const = default;
  };
  using Bus = bus::Settings;
  struct Drain {
    std::uint64_t rate = 1'000;
    Duration deadline{30'000};
    bool operator==(const Drain&) const = default;
  };
  struct Log {
    LogLevel level = LogLevel::kInfo;
    LogStyle format = LogStyle::kAuto;
    bool operator==(const Log&) const = default;
  };

  Node node;
  Client client;
  Api api;
  Auth auth;
  Session session;
  Topics topics;
  Heartbeat heartbeat;
  Outbox outbox;
  Dedup dedup;
  Bus bus;
  Drain drain;
  Log log;
  bool operator==(const Config&) const = default;
};

// What a message to a client can have around the payload: the frame header (10 bytes), the members' names, and an id
// (64), event and topic (128 each, no longer in JSON than they were in the push's body), rounded up.
inline constexpr std::uint64_t kMessageEnvelopeBytes = 1'024;

// The largest message that a client can be sent: a payload is never longer in the frame than it was in the body of the
// push that brought it, so the body's limit and the envelope bound it. outbox.hard_bytes must be twice as large.
[[nodiscard]] constexpr std::uint64_t largest_message_bytes(const Config& config) {
  return config.api.max_body_bytes + kMessageEnvelopeBytes;
}

inline constexpr std::size_t kMinHmacSecretBytes = 32;  // RFC 7518 3.2: no shorter than the hash of HS256

[[nodiscard]] bool all_loopback(const Config::Addresses& addresses);

}  // namespace pushwire::server
