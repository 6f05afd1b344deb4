// The commands beside `serve`: check, token, push, version. Each returns what is to be printed and the exit code.
// Main thread, blocking. Exit codes: 0 good, 1 failure (refused or unreachable), 2 wrong usage or configuration.
#pragma once

#include <cstdint>
#include <string>

#include "server/command_line.h"
#include "server/config_load.h"
#include "server/settings.h"

namespace pushwire::server {

inline constexpr int kExitGood = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

struct CommandResult {
  int exit_code = kExitGood;
  std::string out;  // for stdout
  std::string err;  // for stderr
};

// One line per mistake.
[[nodiscard]] std::string mistakes_text(const LoadResult& result);

[[nodiscard]] CommandResult run_check(const CheckCommand& command, const Environment& environment, ConfigCheck check);
[[nodiscard]] CommandResult run_token(const TokenCommand& command, const Environment& environment, std::int64_t now_s);
[[nodiscard]] CommandResult run_push(const PushCommand& command, const Environment& environment);
[[nodiscard]] CommandResult run_version();

// Writes both texts and returns the exit code; 1 when stdout could not take everything.
[[nodiscard]] int print_result(const CommandResult& result);

}  // namespace pushwire::server
