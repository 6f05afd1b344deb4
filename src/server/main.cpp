// pushwire: one program, its subcommands. Exceptions of libraries end here.

#include <fmt/format.h>

#include <exception>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/command_line.h"
#include "server/commands.h"
#include "server/config_load.h"
#include "server/serve.h"
#include "server/settings.h"

namespace {

using namespace pushwire::server;

std::int64_t now_s() {
  return pushwire::wall_ms() / 1000;
}

int run(const CommandLine& command, const Environment& environment) {
  if (const auto* serve_command = std::get_if<ServeCommand>(&command)) {
    return serve(*serve_command, environment);
  }
  if (const auto* check = std::get_if<CheckCommand>(&command)) {
    return print_result(run_check(*check, environment, check_keys));
  }
  if (const auto* token = std::get_if<TokenCommand>(&command)) {
    return print_result(run_token(*token, environment, now_s()));
  }
  if (const auto* push = std::get_if<PushCommand>(&command)) {
    return print_result(run_push(*push, environment));
  }
  if (const auto* usage = std::get_if<UsageMessage>(&command)) {
    fmt::print(usage->exit_code == 0 ? stdout : stderr, "{}", usage->text);
    return usage->exit_code;
  }
  return print_result(run_version());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse_command_line(std::vector<std::string>(argv + 1, argv + argc)), current_environment());
  } catch (const std::exception& error) {
    fmt::print(stderr, "pushwire: {}\n", error.what());
    return kExitFailure;
  }
}
