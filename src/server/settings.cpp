#include "server/settings.h"

#include <array>
#include <chrono>
#include <string_view>
#include <utility>

namespace pushwire::server {
namespace {

// Where an error about keys belongs: at the key whose file it names, else at the one source there is.
std::string key_place(const LoadResult& result, std::string_view message) {
  const Config::Auth& auth = result.config.auth;
  const std::array<std::pair<std::string_view, std::string_view>, 2> files = {
      {{"auth.jwks_file", auth.jwks_file}, {"auth.public_key_file", auth.public_key_file}}};
  for (const auto& [key, path] : files) {
    if (!path.empty() && message.find(path) != std::string_view::npos) {
      return result.where({key});
    }
  }
  return "auth";
}

}  // namespace

session::TokenPolicy token_policy(const Config::Auth& auth) {
  return {.issuer = auth.issuer,
          .audience = auth.audience,
          .leeway_s = std::chrono::ceil<std::chrono::seconds>(auth.leeway).count(),
          .user_claim = auth.user_claim,
          .require_exp = auth.require_exp};
}

session::KeySources key_sources(const Config::Auth& auth) {
  return {.hmac_secret = auth.hmac_secret,
          .hmac_secret_file = {},
          .public_key_file = auth.public_key_file,
          .jwks_file = auth.jwks_file};
}

Result<> check_keys(const Config& config) {
  if (config.auth.mode == AuthMode::kDev) {
    return {};
  }
  if (auto policy = session::check_policy(token_policy(config.auth)); !policy) {
    return policy;
  }
  if (auto keys = session::load_keys(key_sources(config.auth)); !keys) {
    return tl::unexpected(std::move(keys.error()));
  }
  return {};
}

LoadResult load_checked(const ConfigOptions& options, const Environment& environment, ConfigCheck check) {
  LoadResult result = load_config({options.file, options.overrides, environment});
  const Config::Auth& auth = result.config.auth;
  const bool any = !auth.hmac_secret.empty() || !auth.public_key_file.empty() || !auth.jwks_file.empty();
  const bool sound = result.sound({"auth.mode", "auth.hmac_secret", "auth.hmac_secret_file", "auth.public_key_file",
                                   "auth.jwks_file", "auth.user_claim"});
  if (any && sound) {
    if (auto checked = check(result.config); !checked) {
      result.mistakes.push_back({key_place(result, checked.error().message), std::move(checked.error().message)});
    }
  }
  return result;
}

}  // namespace pushwire::server
