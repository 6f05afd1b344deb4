#include "server/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <exception>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/units.h"
#include "server/config_text.h"

namespace pushwire::server {
namespace {

constexpr int kWrongUsage = 2;

// What CLI11 fills; `finish` turns it into the command's own types.
struct Raw {
  ConfigOptions config;
  TokenCommand token;
  PushCommand push;
  std::string ttl = "1h";
  std::string to;
  std::string api = "http://127.0.0.1:8001";
  bool text = false;
};

void add_config_options(CLI::App& command, Raw& raw) {
  command.add_option("--set", raw.config.overrides, "Sets one key, over file and environment; lists with commas")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

CLI::Option* add_config_file(CLI::App& command, Raw& raw) {
  return command.add_option("--config", raw.config.file, "Configuration file (TOML)")->type_name("FILE");
}

CLI::App* add_serve(CLI::App& app, Raw& raw) {
  CLI::App* serve = app.add_subcommand("serve", "Runs the node until SIGTERM or Ctrl-C.");
  add_config_file(*serve, raw);
  add_config_options(*serve, raw);
  return serve;
}

CLI::App* add_check(CLI::App& app, Raw& raw) {
  CLI::App* check = app.add_subcommand("check", "Reads a configuration as `serve` would and names every mistake.");
  add_config_file(*check, raw)->required();
  add_config_options(*check, raw);
  return check;
}

CLI::App* add_token(CLI::App& app, Raw& raw) {
  CLI::App* token = app.add_subcommand("token", "Prints a client's token, signed with the configured HMAC secret.");
  token->add_option("--user", raw.token.user, "The user id")->required()->type_name("ID");
  token->add_option("--ttl", raw.ttl, "How long the token is good: 30s, 10m, 1h")
      ->type_name("TIME")
      ->capture_default_str();
  token->add_option("--topics", raw.token.topics, "Topics it may subscribe to; a final * stands for any rest")
      ->type_name("A,B")
      ->delimiter(',')
      ->allow_extra_args(false);
  add_config_file(*token, raw);
  add_config_options(*token, raw);
  return token;
}

CLI::App* add_push(CLI::App& app, Raw& raw) {
  CLI::App* push = app.add_subcommand("push", "Pushes one message through the API and prints the answer.");
  push->add_option("--to", raw.to, "Who gets it: user:ID, topic:T, session:S or all")->required()->type_name("TARGET");
  push->add_option("DATA", raw.push.data, "The message: JSON, or with --text any text")->required();
  push->add_flag("--text", raw.text, "DATA is text, not JSON");
  push->add_option("--event", raw.push.event, "Name of the event")->type_name("E");
  push->add_option("--id", raw.push.id, "Id of the message: the same id is delivered once")->type_name("I");
  push->add_option("--ttl-ms", raw.push.ttl_ms, "Dropped when not delivered within so many milliseconds")
      ->type_name("N");
  push->add_option("--api", raw.api, "Address of the API")->type_name("URL")->capture_default_str();
  push->add_option("--ca", raw.push.authorities, "PEM file with the authorities of an https API; else the system's")
      ->type_name("FILE");
  push->add_option("--key", raw.push.key, "API key; else the variable PUSHWIRE_API_KEY")->type_name("KEY");
  return push;
}

Result<> read_target(const std::string& to, PushCommand& push) {
  if (to == "all") {
    push.target = PushTarget::kAll;
    return {};
  }
  constexpr std::pair<std::string_view, PushTarget> kKinds[] = {
      {"user:", PushTarget::kUser}, {"topic:", PushTarget::kTopic}, {"session:", PushTarget::kSession}};
  for (const auto& [prefix, target] : kKinds) {
    if (to.starts_with(prefix) && to.size() > prefix.size()) {
      push.target = target;
      push.target_name = to.substr(prefix.size());
      return {};
    }
  }
  return fail(fmt::format("--to: {} is no target, expected user:ID, topic:T, session:S or all", in_quotes(to)));
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
  return fault == std::errc{} && stop == text.data() + text.size() && port != 0;
}

// http://HOST[:PORT][/], or https
Result<> read_api(std::string_view url, PushCommand& push) {
  constexpr std::string_view kPlain = "http://";
  constexpr std::string_view kSecure = "https://";
  const auto refuse = [url] {
    return fail(fmt::format("--api: {} is no address, expected http://HOST:PORT or https://HOST:PORT", in_quotes(url)));
  };
  push.tls = url.starts_with(kSecure);
  if (!push.tls && !url.starts_with(kPlain)) {
    return refuse();
  }
  std::string_view rest = url.substr((push.tls ? kSecure : kPlain).size());
  if (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
  if (bracket == std::string_view::npos) {
    return refuse();
  }
  const std::size_t colon = rest.find(':', bracket);
  const std::string_view port = colon == std::string_view::npos ? (push.tls ? "443" : "80") : rest.substr(colon + 1);
  std::string_view host = rest.substr(0, colon);
  if (bracket != 0) {
    if (host.size() != bracket + 1) {
      return refuse();
    }
    host = host.substr(1, host.size() - 2);
  }
  const bool clean = std::all_of(host.begin(), host.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (host.empty() || !clean || host.find_first_of("/?#@[]") != std::string_view::npos || !is_port(port)) {
    return refuse();
  }
  if (!push.tls && !push.authorities.empty()) {
    return fail("--ca: there is nothing to check without TLS, expected --api https://HOST:PORT");
  }
  push.host = host;
  push.port = port;
  return {};
}

Result<CommandLine> finish_push(Raw& raw) {
  raw.push.payload = raw.text ? PushPayload::kText : PushPayload::kJson;
  auto good = read_target(raw.to, raw.push);
  if (good) {
    good = read_api(raw.api, raw.push);
  }
  if (!good) {
    return tl::unexpected(good.error());
  }
  return CommandLine(std::move(raw.push));
}

Result<CommandLine> finish_token(Raw& raw) {
  const auto ttl = parse_duration(raw.ttl);
  if (!ttl) {
    return fail(fmt::format("--ttl: {} is {}", in_quotes(raw.ttl), ttl.error().message));
  }
  if (*ttl < std::chrono::seconds(1)) {
    return fail(fmt::format("--ttl: {} is too short, expected at least 1s", in_quotes(raw.ttl)));
  }
  raw.token.ttl = *ttl;
  raw.token.config = std::move(raw.config);
  return CommandLine(std::move(raw.token));
}

UsageMessage wrong_usage(std::string_view command, std::string_view message) {
  return {kWrongUsage, fmt::format("pushwire: {}\nSee pushwire {}--help\n", message, command)};
}

// CLI11 names the rest of the line; the nearest command helps more.
UsageMessage unknown_command(const std::string& word) {
  constexpr std::string_view kCommands[] = {"serve", "check", "token", "push", "version"};
  const std::string_view meant = nearest(word, kCommands);
  const std::string hint =
      meant.empty() ? fmt::format(", expected {}", one_of(kCommands)) : fmt::format(", did you mean {}?", meant);
  return wrong_usage("", fmt::format("{} is no command{}", in_quotes(word), hint));
}

CommandLine parse_with(CLI::App& app, const std::vector<std::string>& arguments) {
  Raw raw;
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  const CLI::App* const serve = add_serve(app, raw);
  const CLI::App* const check = add_check(app, raw);
  const CLI::App* const token = add_token(app, raw);
  const CLI::App* const push = add_push(app, raw);
  app.add_subcommand("version", "Prints version, commit, compiler, libraries and what is compiled in.");
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 takes them from the back
  app.parse(reversed);

  Result<CommandLine> command = CommandLine(VersionCommand{});
  if (serve->parsed()) {
    command = CommandLine(ServeCommand{std::move(raw.config)});
  } else if (check->parsed()) {
    command = CommandLine(CheckCommand{std::move(raw.config)});
  } else if (token->parsed()) {
    command = finish_token(raw);
  } else if (push->parsed()) {
    command = finish_push(raw);
  }
  if (!command) {
    return wrong_usage(token->parsed() ? "token " : "push ", command.error().message);
  }
  return *std::move(command);
}

// The subcommand that the arguments got as far as, and a blank; "" when none.
std::string chosen(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? "" : parsed.front()->get_name() + " ";
}

}  // namespace

CommandLine parse_command_line(const std::vector<std::string>& arguments) {
  CLI::App app("Pushwire: pushes messages from your systems to your users over WebSocket.", "pushwire");
  if (!arguments.empty() && arguments.front() == "--version") {
    return VersionCommand{};
  }
  try {
    return parse_with(app, arguments);
  } catch (const CLI::CallForHelp&) {
    const auto parsed = app.get_subcommands();
    return UsageMessage{0, parsed.empty() ? app.help() : parsed.front()->help("pushwire")};
  } catch (const CLI::ParseError& error) {
    if (arguments.empty()) {
      return UsageMessage{kWrongUsage, app.help()};
    }
    if (app.get_subcommands().empty()) {
      return unknown_command(arguments.front());
    }
    return wrong_usage(chosen(app), printable(error.what()));
  } catch (const std::exception& error) {
    return wrong_usage("", error.what());
  }
}

}  // namespace pushwire::server
