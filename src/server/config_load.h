// Reads the configuration: the file, then the environment, then --set; the later wins. Every mistake is collected.
// Main thread, at start and on SIGHUP; blocking file I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/config.h"
#include "server/config_result.h"

namespace pushwire::server {

using Environment = std::vector<std::pair<std::string, std::string>>;

struct LoadRequest {
  std::optional<std::string> file;
  std::vector<std::string> overrides;  // "key=value" of --set, in order
  Environment environment;             // variables that do not begin with PUSHWIRE_ are passed over
};

// The process's variables that begin with PUSHWIRE_.
[[nodiscard]] Environment current_environment();

[[nodiscard]] LoadResult load_config(const LoadRequest& request);

// The part that needs no file: a text as if it stood in `file`, with all rules on values. For tests and fuzzing.
[[nodiscard]] LoadResult load_config_text(std::string_view text, std::string_view file);

// The changed keys that a reload cannot apply, in the order of the docs.
[[nodiscard]] std::vector<std::string> needs_restart(const Config& running, const Config& fresh);

}  // namespace pushwire::server
