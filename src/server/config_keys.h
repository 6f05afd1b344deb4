// The one table of configuration keys. Reading the file, the environment and --set, suggestions, `needs_restart` and
// docs/configuration.md all follow it: a new key is a field in config.h and a line in config_keys.cpp, for node, client
// and API in config_keys_port.cpp, for the bus in bus/settings.h and config_keys_bus.cpp. Immutable data and pure
// functions, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "bus/settings.h"
#include "server/config.h"

namespace pushwire::server {

enum class KeyType : std::uint8_t { kText, kTexts, kCount, kSize, kDuration, kSwitch, kAddresses, kChoice };
enum class OnReload : std::uint8_t { kApplied, kRestart };
enum class Secrecy : std::uint8_t { kPublic, kSecret };

// Where a key's value lives in a Config. Counts and sizes are both integers; KeyType tells them apart.
using Field =
    std::variant<std::string*, Config::Texts*, std::uint64_t*, Config::Duration*, bool*, Config::Addresses*, AuthMode*,
                 OnLimit*, ClientIo*, LogLevel*, LogStyle*, bus::BusKind*, bus::RedisMode*, bus::NatsMode*>;

struct ConfigKey {
  std::string_view name;  // "client.listen"
  KeyType type;
  std::string_view default_text;  // as --set would take it; the tests compare it with Config's own default
  OnReload on_reload;
  Field (*field)(Config&);
  std::string_view help;
  // What a value must obey. Sizes in bytes, durations in milliseconds; zero is also good when `zero_means` says so.
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  std::string_view zero_means = {};
  std::span<const std::string_view> choices = {};       // in the order of the enum's values
  Result<> (*check)(std::string_view value) = nullptr;  // for a text, or each text of a list
  Secrecy secrecy = Secrecy::kPublic;
};

[[nodiscard]] std::span<const ConfigKey> config_keys();
// Those of the tables [node], [client] and [api].
[[nodiscard]] std::span<const ConfigKey> port_config_keys();
// Those of them that begin with "bus.".
[[nodiscard]] std::span<const ConfigKey> bus_config_keys();
// Null when there is no such key.
[[nodiscard]] const ConfigKey* find_key(std::string_view name);
// "client.listen" -> "PUSHWIRE_CLIENT_LISTEN"
[[nodiscard]] std::string environment_name(const ConfigKey& key);
// ", did you mean client.listen?" or "".
[[nodiscard]] std::string suggest_key(std::string_view unknown);
[[nodiscard]] std::string suggest_environment(std::string_view unknown);

// What the key expects, for messages: `a size from "1KiB" to "1GiB"`.
[[nodiscard]] std::string expectation(const ConfigKey& key);

}  // namespace pushwire::server
