// The configuration in the terms of the rooms that use it, and what only those rooms can check.
// Pure functions but for check_keys, which reads files; main thread, at start and on a reload.
#pragma once

#include "base/result.h"
#include "server/command_line.h"
#include "server/config.h"
#include "server/config_load.h"
#include "session/jwt.h"
#include "session/key_set.h"

namespace pushwire::server {

[[nodiscard]] session::TokenPolicy token_policy(const Config::Auth& auth);

// The secret is given as bytes: load_config has read its file.
[[nodiscard]] session::KeySources key_sources(const Config::Auth& auth);

// Parses every key that tokens may be signed with and checks the policy. Good in dev mode, which looks at no token.
[[nodiscard]] Result<> check_keys(const Config& config);

// What `serve`, `check` and a reload all do: load_config, and when nothing is wrong with the sources of keys, `check`.
using ConfigCheck = Result<> (*)(const Config&);
[[nodiscard]] LoadResult load_checked(const ConfigOptions& options, const Environment& environment, ConfigCheck check);

}  // namespace pushwire::server
