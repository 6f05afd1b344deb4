#include "server/commands.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "session/jwt_sign.h"

namespace pushwire::server {
namespace {

bool write_all(std::FILE* stream, const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stream) == text.size() && std::fflush(stream) == 0;
}

}  // namespace

std::string mistakes_text(const LoadResult& result) {
  std::string text;
  for (const ConfigMistake& mistake : result.mistakes) {
    text += mistake.message() + "\n";
  }
  return text;
}

CommandResult run_check(const CheckCommand& command, const Environment& environment, ConfigCheck check) {
  const LoadResult result = load_checked(command.config, environment, check);
  if (!result.good()) {
    return {kExitUsage, "", mistakes_text(result)};
  }
  return {kExitGood, "configuration is good\n", ""};
}

CommandResult run_token(const TokenCommand& command, const Environment& environment, std::int64_t now_s) {
  const LoadResult result = load_config({command.config.file, command.config.overrides, environment});
  if (!result.good()) {
    return {kExitUsage, "", mistakes_text(result)};
  }
  const Config::Auth& auth = result.config.auth;
  if (auth.hmac_secret.empty()) {
    return {kExitUsage, "", "pushwire: no secret to sign with, expected auth.hmac_secret_file or auth.hmac_secret\n"};
  }
  const session::TokenRequest request{.user = command.user,
                                      .ttl_s = std::chrono::duration_cast<std::chrono::seconds>(command.ttl).count(),
                                      .topics = command.topics};
  const auto token = session::sign_token(auth.hmac_secret, request, token_policy(auth), now_s);
  if (!token) {
    return {kExitUsage, "", fmt::format("pushwire: {}\n", token.error().message)};
  }
  return {kExitGood, *token + "\n", ""};
}

int print_result(const CommandResult& result) {
  const bool printed = write_all(stdout, result.out);
  (void)write_all(stderr, result.err);  // nobody is left to be told
  return printed ? result.exit_code : kExitFailure;
}

}  // namespace pushwire::server
