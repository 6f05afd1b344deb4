// One configuration value on its way from a source (file, environment, --set) into its typed field.
// Pure functions, any thread. Error messages: what is wrong, what is expected; the value of a secret is never in them.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "server/config_keys.h"

namespace pushwire::server {

// What --set and the environment bring: its type is the key's.
struct BareText {
  std::string text;
};
// A value that no key takes ("a table", "a date", "a list of something other than texts").
struct Unsuitable {
  std::string what;
};
using RawValue = std::variant<BareText, std::string, std::int64_t, bool, std::vector<std::string>, Unsuitable>;

// Checks `value` by the key's rules and stores it; on failure the configuration stays as it was.
[[nodiscard]] Result<> set_value(Config& config, const ConfigKey& key, const RawValue& value);

// The key's value as --set would take it. Secrets included: for comparing, not for showing.
[[nodiscard]] std::string value_text(const Config& config, const ConfigKey& key);

}  // namespace pushwire::server
