#include <array>

#include "server/config_keys.h"
#include "server/config_rules.h"

namespace pushwire::server {
namespace {

using enum KeyType;
using enum OnReload;

// The address of one member as a function: FIELD(client.listen).
#define FIELD(member) [](Config& c) -> Field { return &c.member; }

constexpr std::array<std::string_view, 3> kClientIos = {"auto", "epoll", "uring"};

constexpr std::uint64_t kKiB = std::uint64_t{1} << 10;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kSecond = 1'000;
constexpr std::uint64_t kHour = 3'600 * kSecond;

constexpr ConfigKey files_key(std::string_view name, Field (*field)(Config&), std::string_view help) {
  return {.name = name, .type = kTexts, .default_text = "", .on_reload = kApplied, .field = field, .help = help};
}

constexpr std::string_view kCertificateHelp =
    "PEM files with the listener's certificate and those between it and a root, for TLS; several are told apart by the "
    "host name that is asked for. Looked at again on SIGHUP and when they change; TLS itself is switched on and off by "
    "a "
    "restart.";
constexpr std::string_view kKeyHelp =
    "PEM files with the keys of the certificates, in the same order, without password.";

// Grouped by table, in the order of the docs.
constexpr std::array kKeys = {
    ConfigKey{.name = "node.name",
              .type = kText,
              .default_text = "",
              .on_reload = kRestart,
              .field = FIELD(node.name),
              .help = "Name of this node in the welcome frame and the API. Default: the host name and a random suffix.",
              .check = check_node_name},
    ConfigKey{.name = "node.workers",
              .type = kCount,
              .default_text = "0",
              .on_reload = kRestart,
              .field = FIELD(node.workers),
              .help = "Worker threads.",
              .least = 1,
              .most = 256,
              .zero_means = "one per usable core"},
    ConfigKey{.name = "node.mailbox_bytes",
              .type = kSize,
              .default_text = "64MiB",
              .on_reload = kRestart,
              .field = FIELD(node.mailbox_bytes),
              .help = "Work that may wait for one worker; beyond it pushes are answered 503. At least the largest "
                      "message.",
              .least = 4 * kKiB,
              .most = 64 * kGiB},

    ConfigKey{.name = "client.listen",
              .type = kAddresses,
              .default_text = "127.0.0.1:8000",
              .on_reload = kRestart,
              .field = FIELD(client.listen),
              .help = "Where clients connect: one address or a list. Port 0: any free "
                      "port."},
    ConfigKey{.name = "client.path",
              .type = kText,
              .default_text = "/ws",
              .on_reload = kRestart,
              .field = FIELD(client.path),
              .help = "Path of the WebSocket endpoint.",
              .check = check_client_path},
    ConfigKey{.name = "client.allowed_origins",
              .type = kTexts,
              .default_text = "",
              .on_reload = kApplied,
              .field = FIELD(client.allowed_origins),
              .help = "Origins whose pages may connect, as scheme://host[:port]; `[\"*\"]` lets every page in. "
                      "Clients that send no Origin (apps) always may. Dev auth adds its own two.",
              .check = check_origin},
    ConfigKey{.name = "client.max_connections",
              .type = kCount,
              .default_text = "0",
              .on_reload = kApplied,
              .field = FIELD(client.max_connections),
              .help = "Connections of this node; beyond it handshakes are "
                      "answered 503.",
              .least = 1,
              .most = 100'000'000,
              .zero_means = "no limit"},
    ConfigKey{.name = "client.max_message_bytes",
              .type = kSize,
              .default_text = "64KiB",
              .on_reload = kApplied,
              .field = FIELD(client.max_message_bytes),
              .help = "Largest message a client may send; a larger one "
                      "closes its connection with 1009.",
              .least = 128,
              .most = kGiB},
    ConfigKey{.name = "client.handshake_timeout",
              .type = kDuration,
              .default_text = "10s",
              .on_reload = kApplied,
              .field = FIELD(client.handshake_timeout),
              .help = "Time from accepting a connection to its complete "
                      "request; then 408.",
              .least = 10,
              .most = kHour},
    ConfigKey{.name = "client.max_pending_handshakes",
              .type = kCount,
              .default_text = "10000",
              .on_reload = kApplied,
              .field = FIELD(client.max_pending_handshakes),
              .help = "Connections that have not finished their "
                      "handshake.",
              .least = 1,
              .most = 10'000'000},
    ConfigKey{.name = "client.handshakes_per_second",
              .type = kCount,
              .default_text = "0",
              .on_reload = kApplied,
              .field = FIELD(client.handshakes_per_second),
              .help = "New connections that this node takes on, a quarter of a second's worth at once. More wait in "
                      "the kernel's queue; when that lasts a second they are answered 503.",
              .least = 1,
              .most = 10'000'000,
              .zero_means = "no limit"},
    ConfigKey{.name = "client.close_timeout",
              .type = kDuration,
              .default_text = "2s",
              .on_reload = kApplied,
              .field = FIELD(client.close_timeout),
              .help = "How long a closed connection waits for the client's own "
                      "close frame.",
              .least = 10,
              .most = kHour},
    ConfigKey{.name = "client.io",
              .type = kChoice,
              .default_text = "auto",
              .on_reload = kRestart,
              .field = FIELD(client.io),
              .help = "How messages are written: `uring` in batches by io_uring, `epoll` with one system call per "
                      "socket, `auto` by io_uring where the kernel allows it.",
              .choices = kClientIos},
    files_key("client.tls_certificate", FIELD(client.tls_certificate), kCertificateHelp),
    files_key("client.tls_key", FIELD(client.tls_key), kKeyHelp),

    ConfigKey{.name = "api.listen",
              .type = kAddresses,
              .default_text = "127.0.0.1:8001",
              .on_reload = kRestart,
              .field = FIELD(api.listen),
              .help = "Where business systems push: one address or a list."},
    ConfigKey{.name = "api.keys",
              .type = kTexts,
              .default_text = "",
              .on_reload = kApplied,
              .field = FIELD(api.keys),
              .help = "Keys that callers present as `Authorization: Bearer KEY`. Without any key the API listens only "
                      "on loopback and ignores the header.",
              .check = check_api_key,
              .secrecy = Secrecy::kSecret},
    ConfigKey{.name = "api.keys_file",
              .type = kText,
              .default_text = "",
              .on_reload = kApplied,
              .field = FIELD(api.keys_file),
              .help = "File with more keys, one a line, `#` begins a comment line."},
    ConfigKey{.name = "api.max_body_bytes",
              .type = kSize,
              .default_text = "1MiB",
              .on_reload = kApplied,
              .field = FIELD(api.max_body_bytes),
              .help = "Largest request body; beyond it 413.",
              .least = kKiB,
              .most = kGiB},
    ConfigKey{.name = "api.request_timeout",
              .type = kDuration,
              .default_text = "10s",
              .on_reload = kApplied,
              .field = FIELD(api.request_timeout),
              .help = "Time to receive a whole request; then 408.",
              .least = 10,
              .most = kHour},
    files_key("api.tls_certificate", FIELD(api.tls_certificate), kCertificateHelp),
    files_key("api.tls_key", FIELD(api.tls_key), kKeyHelp),
    ConfigKey{.name = "api.tls_client_ca",
              .type = kText,
              .default_text = "",
              .on_reload = kApplied,
              .field = FIELD(api.tls_client_ca),
              .help = "PEM file with authorities: callers must show a certificate of one of them, besides their key."},
};
#undef FIELD

}  // namespace

std::span<const ConfigKey> port_config_keys() {
  return kKeys;
}

}  // namespace pushwire::server
