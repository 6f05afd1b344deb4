#include "server/config_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/units.h"
#include "server/config_rules.h"
#include "server/config_text.h"

namespace pushwire::server {
namespace {

using enum KeyType;
using enum OnReload;

// The address of one member as a function: FIELD(client.listen).
#define FIELD(member) [](Config& c) -> Field { return &c.member; }

constexpr std::array<std::string_view, 2> kAuthModes = {"jwt", "dev"};
constexpr std::array<std::string_view, 2> kOnLimits = {"close_oldest", "reject_new"};
constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 3> kLogStyles = {"auto", "text", "json"};

constexpr std::uint64_t kKiB = std::uint64_t{1} << 10;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kSecond = 1'000;
constexpr std::uint64_t kHour = 3'600 * kSecond;

// Grouped by table, in the order of the docs; those of node, client and API come before, those of the bus between.
constexpr std::array kFirstKeys = {
    ConfigKey{.name = "auth.mode",
              .type = kChoice,
              .default_text = "jwt",
              .on_reload = kRestart,
              .field = FIELD(auth.mode),
              .help = "`jwt`: clients bring a signed token. `dev`: `?user=ID` is believed, "
                      "only while every client listener is on loopback.",
              .choices = kAuthModes},
    ConfigKey{.name = "auth.hmac_secret",
              .type = kText,
              .default_text = "",
              .on_reload = kApplied,
              .field = FIELD(auth.hmac_secret),
              .help = "Secret of HS256, HS384, HS512; at least 32 bytes. Better kept "
                      "in a file of its own.",
              .secrecy = Secrecy::kSecret},
    ConfigKey{.name = "auth.hmac_secret_file",
              .type = kText,
              .default_text = "",
              .on_reload = kApplied,
              .field = FIELD(auth.hmac_secret_file),
              .help = "File that holds the secret instead; one final line end "
                      "is not part of it."},
    ConfigKey{.name = "auth.public_key_file",
              .type = kText,
              .default_text = "",
              .on_reload = kApplied,
              .field = FIELD(auth.public_key_file),
              .help = "PEM file with a public key of RSA, EC or Ed25519."},
    ConfigKey{.name = "auth.jwks_file",
              .type = kText,
              .default_text = "",
              .on_reload = kApplied,
              .field = FIELD(auth.jwks_file),
              .help = "JSON Web Key Set; a token's `kid` chooses the key."},
    ConfigKey{.name = "auth.issuer",
              .type = kText,
              .default_text = "",
              .on_reload = kApplied,
              .field = FIELD(auth.issuer),
              .help = "Demanded claim `iss`. Empty: not checked."},
    ConfigKey{.name = "auth.audience",
              .type = kText,
              .default_text = "",
              .on_reload = kApplied,
              .field = FIELD(auth.audience),
              .help = "Demanded claim `aud`. Empty: not checked."},
    ConfigKey{.name = "auth.leeway",
              .type = kDuration,
              .default_text = "30s",
              .on_reload = kApplied,
              .field = FIELD(auth.leeway),
              .help = "Difference of clocks forgiven in `exp` and `nbf`.",
              .least = 0,
              .most = kHour},
    ConfigKey{.name = "auth.user_claim",
              .type = kText,
              .default_text = "sub",
              .on_reload = kApplied,
              .field = FIELD(auth.user_claim),
              .help = "Claim that holds the user id.",
              .check = check_claim_name},
    ConfigKey{.name = "auth.require_exp",
              .type = kSwitch,
              .default_text = "true",
              .on_reload = kApplied,
              .field = FIELD(auth.require_exp),
              .help = "Refuse tokens that never expire."},

    ConfigKey{.name = "session.max_connections_per_user",
              .type = kCount,
              .default_text = "10",
              .on_reload = kApplied,
              .field = FIELD(session.max_connections_per_user),
              .help = "Connections of one user.",
              .least = 1,
              .most = 1'000'000,
              .zero_means = "no limit"},
    ConfigKey{.name = "session.on_limit",
              .type = kChoice,
              .default_text = "close_oldest",
              .on_reload = kApplied,
              .field = FIELD(session.on_limit),
              .help = "At the limit: `close_oldest` closes the user's oldest "
                      "connection with 4501, `reject_new` answers the new one 429.",
              .choices = kOnLimits},

    ConfigKey{.name = "topics.allow",
              .type = kTexts,
              .default_text = "",
              .on_reload = kApplied,
              .field = FIELD(topics.allow),
              .help = "Topics everyone may subscribe to, added to the token's claim "
                      "`topics`. A final `*` stands for any rest. Dev auth without it: `[\"*\"]`.",
              .check = check_topic_pattern},
    ConfigKey{.name = "topics.max_per_connection",
              .type = kCount,
              .default_text = "128",
              .on_reload = kApplied,
              .field = FIELD(topics.max_per_connection),
              .help = "Topics one connection may subscribe to.",
              .least = 1,
              .most = 65'535},

    ConfigKey{.name = "heartbeat.interval",
              .type = kDuration,
              .default_text = "25s",
              .on_reload = kApplied,
              .field = FIELD(heartbeat.interval),
              .help = "A ping goes out when nothing was received for so long.",
              .least = 100,
              .most = 24 * kHour},
    ConfigKey{.name = "heartbeat.timeout",
              .type = kDuration,
              .default_text = "60s",
              .on_reload = kApplied,
              .field = FIELD(heartbeat.timeout),
              .help = "Nothing received for so long closes the connection with "
                      "3012, at most 0.5 s late. Must be longer than the interval.",
              .least = 100,
              .most = 24 * kHour},

    ConfigKey{.name = "outbox.soft_bytes",
              .type = kSize,
              .default_text = "64KiB",
              .on_reload = kApplied,
              .field = FIELD(outbox.soft_bytes),
              .help = "Bytes that may wait for one slow client for longer than "
                      "`soft_for`; then 3008.",
              .least = kKiB,
              .most = 64 * kGiB},
    ConfigKey{.name = "outbox.soft_for",
              .type = kDuration,
              .default_text = "10s",
              .on_reload = kApplied,
              .field = FIELD(outbox.soft_for),
              .help = "How long a client may stay over `soft_bytes`.",
              .least = 10,
              .most = 24 * kHour},
    ConfigKey{.name = "outbox.hard_bytes",
              .type = kSize,
              .default_text = "4MiB",
              .on_reload = kApplied,
              .field = FIELD(outbox.hard_bytes),
              .help = "Bytes that may ever wait for one slow client; beyond it 3008 "
                      "at once. At least twice the largest message.",
              .least = kKiB,
              .most = 64 * kGiB},

    ConfigKey{.name = "dedup.window",
              .type = kDuration,
              .default_text = "5m",
              .on_reload = kApplied,
              .field = FIELD(dedup.window),
              .help = "How long the id of a push is remembered.",
              .least = 100,
              .most = 24 * kHour},
    ConfigKey{.name = "dedup.max_ids",
              .type = kCount,
              .default_text = "1000000",
              .on_reload = kApplied,
              .field = FIELD(dedup.max_ids),
              .help = "How many ids are remembered; beyond it the oldest go first.",
              .least = 1,
              .most = 100'000'000},
};

constexpr std::array kLastKeys = {
    ConfigKey{.name = "drain.rate",
              .type = kCount,
              .default_text = "1000",
              .on_reload = kApplied,
              .field = FIELD(drain.rate),
              .help = "Clients told per second, while stopping, to connect elsewhere.",
              .least = 1,
              .most = 10'000'000},
    ConfigKey{.name = "drain.deadline",
              .type = kDuration,
              .default_text = "30s",
              .on_reload = kApplied,
              .field = FIELD(drain.deadline),
              .help = "Stopping takes no longer than this; a missed deadline is exit "
                      "code 1.",
              .least = 10,
              .most = 24 * kHour},

    ConfigKey{.name = "log.level",
              .type = kChoice,
              .default_text = "info",
              .on_reload = kApplied,
              .field = FIELD(log.level),
              .help = "Least level that is written.",
              .choices = kLogLevels},
    ConfigKey{.name = "log.format",
              .type = kChoice,
              .default_text = "auto",
              .on_reload = kRestart,
              .field = FIELD(log.format),
              .help = "`auto`: text on a terminal, else one JSON object a line.",
              .choices = kLogStyles},
};
#undef FIELD

std::string range_text(const ConfigKey& key, std::string (*spell)(std::uint64_t)) {
  std::string text = fmt::format("from {} to {}", spell(key.least), spell(key.most));
  return key.zero_means.empty() ? text : fmt::format("{} or 0 ({})", text, key.zero_means);
}

std::vector<ConfigKey> all_keys() {
  const auto port_keys = port_config_keys();
  std::vector<ConfigKey> keys(port_keys.begin(), port_keys.end());
  keys.insert(keys.end(), kFirstKeys.begin(), kFirstKeys.end());
  const auto bus_keys = bus_config_keys();
  keys.insert(keys.end(), bus_keys.begin(), bus_keys.end());
  keys.insert(keys.end(), kLastKeys.begin(), kLastKeys.end());
  return keys;
}

std::vector<std::string_view> key_names() {
  std::vector<std::string_view> names;
  for (const ConfigKey& key : config_keys()) {
    names.push_back(key.name);
  }
  return names;
}

// A key written without its table: the first one that ends so.
std::string_view in_some_table(std::string_view word) {
  const auto keys = config_keys();
  const auto found = std::find_if(keys.begin(), keys.end(), [word](const ConfigKey& key) {
    return key.name.substr(key.name.find('.') + 1) == word || key.name.substr(key.name.rfind('.') + 1) == word;
  });
  return found == keys.end() ? std::string_view{} : found->name;
}

}  // namespace

std::span<const ConfigKey> config_keys() {
  static const std::vector<ConfigKey> kKeys = all_keys();
  return kKeys;
}

const ConfigKey* find_key(std::string_view name) {
  const auto keys = config_keys();
  const auto found = std::find_if(keys.begin(), keys.end(), [name](const ConfigKey& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

std::string environment_name(const ConfigKey& key) {
  std::string name = "PUSHWIRE_";
  for (const char c : key.name) {
    name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

std::string suggest_key(std::string_view unknown) {
  const std::string_view tableless = in_some_table(unknown);
  const std::string_view meant = tableless.empty() ? nearest(unknown, key_names()) : tableless;
  return meant.empty() ? "" : fmt::format(", did you mean {}?", meant);
}

std::string suggest_environment(std::string_view unknown) {
  std::vector<std::string> names;
  for (const ConfigKey& key : config_keys()) {
    names.push_back(environment_name(key));
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view meant = nearest(unknown, views);
  return meant.empty() ? "" : fmt::format(", did you mean {}?", meant);
}

std::string expectation(const ConfigKey& key) {
  switch (key.type) {
    case kText:
      return "a text";
    case kTexts:
      return "a list of texts";
    case kCount:
      return "a whole number " + range_text(key, [](std::uint64_t n) { return std::to_string(n); });
    case kSize:
      return "a size " + range_text(key, [](std::uint64_t n) { return format_size(n); });
    case kDuration:
      return "a duration " +
             range_text(key, [](std::uint64_t n) { return format_duration(std::chrono::milliseconds(n)); });
    case kSwitch:
      return "true or false";
    case kAddresses:
      return "addresses like \"127.0.0.1:8000\"";
    case kChoice:
      return one_of(key.choices);
  }
  return "";
}

}  // namespace pushwire::server
