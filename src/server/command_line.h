// The command line as values: which command, with which options. CLI11 stays inside the .cpp.
// Main thread, once.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace pushwire::server {

// Where the configuration comes from, beside the environment.
struct ConfigOptions {
  std::optional<std::string> file;
  std::vector<std::string> overrides;  // "key=value", in order
};

struct ServeCommand {
  ConfigOptions config;
};

struct CheckCommand {
  ConfigOptions config;
};

struct TokenCommand {
  ConfigOptions config;
  std::string user;
  std::chrono::milliseconds ttl{std::chrono::hours(1)};
  std::vector<std::string> topics;
};

enum class PushTarget : std::uint8_t { kUser, kTopic, kSession, kAll };
enum class PushPayload : std::uint8_t { kJson, kText };

struct PushCommand {
  std::string host = "127.0.0.1";  // without brackets
  std::string port = "8001";
  bool tls = false;
  std::string authorities;         // PEM file, for TLS; empty: the system's
  std::optional<std::string> key;  // empty: PUSHWIRE_API_KEY
  PushTarget target = PushTarget::kAll;
  std::string target_name;  // empty for kAll
  std::string data;
  PushPayload payload = PushPayload::kJson;
  std::optional<std::string> event;
  std::optional<std::string> id;
  std::optional<std::uint64_t> ttl_ms;
};

struct VersionCommand {};

// Nothing to do but to print `text`: help (exit code 0, on stdout) or wrong usage (2, on stderr).
struct UsageMessage {
  int exit_code = 0;
  std::string text;
};

using CommandLine = std::variant<ServeCommand, CheckCommand, TokenCommand, PushCommand, VersionCommand, UsageMessage>;

// `arguments` without the program's name.
[[nodiscard]] CommandLine parse_command_line(const std::vector<std::string>& arguments);

}  // namespace pushwire::server
