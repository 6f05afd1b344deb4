// A TOML text as a flat list of settings, by line. toml++ and its exceptions stay inside the .cpp.
// Pure function, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/config_result.h"
#include "server/config_value.h"

namespace pushwire::server {

struct TomlSetting {
  std::string key;  // dotted: "client.listen"; not yet known to be one of ours
  std::uint32_t line = 0;
  RawValue value;  // for a table without anything in it: Unsuitable
};

inline constexpr std::size_t kMaxTomlBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxTomlLine = std::size_t{8} << 10;

// `file` is the name for the places. A text that is no TOML gives one mistake; so does one over the limits above, which
// keep the depth of the parser's recursion within the stack.
[[nodiscard]] Result<std::vector<TomlSetting>, ConfigMistake> read_toml(std::string_view text, std::string_view file);

}  // namespace pushwire::server
