#include "server/config_load.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>

#include "server/config_check.h"
#include "server/config_files.h"
#include "server/config_keys.h"
#include "server/config_rules.h"
#include "server/config_text.h"
#include "server/config_toml.h"
#include "server/config_value.h"

namespace pushwire::server {
namespace {

constexpr std::string_view kPrefix = "PUSHWIRE_";
// The key of `pushwire push`, of no concern to a node.
constexpr std::string_view kPushKeyVariable = "PUSHWIRE_API_KEY";

bool is_table(std::string_view name) {
  const auto keys = config_keys();
  return std::any_of(keys.begin(), keys.end(), [name](const ConfigKey& key) {
    return key.name.size() > name.size() && key.name.starts_with(name) && key.name[name.size()] == '.';
  });
}

void store(LoadResult& result, const ConfigKey& key, const RawValue& value, std::string where) {
  if (auto set = set_value(result.config, key, value); !set) {
    result.mistakes.push_back({where, std::move(set.error().message)});
    result.faulty.emplace(key.name);
  }
  result.places.insert_or_assign(std::string(key.name), std::move(where));
}

void store_unknown(LoadResult& result, const TomlSetting& setting, std::string where) {
  if (is_table(setting.key)) {
    const auto* other = std::get_if<Unsuitable>(&setting.value);
    if (other == nullptr || other->what != "a table") {  // an empty table of ours says nothing and harms nobody
      result.mistakes.push_back(
          {std::move(where), fmt::format("not a table, expected [{}] with keys in it", setting.key)});
    }
    return;
  }
  result.mistakes.push_back({std::move(where), "unknown key" + suggest_key(setting.key)});
}

// False when the text is no TOML: then nothing is known and no rule is worth applying.
bool apply_toml(LoadResult& result, std::string_view text, std::string_view file) {
  const auto settings = read_toml(text, file);
  if (!settings) {
    result.mistakes.push_back(settings.error());
    return false;
  }
  for (const TomlSetting& setting : *settings) {
    std::string where = fmt::format("{}:{}: {}", file, setting.line, printable(setting.key));
    if (const ConfigKey* key = find_key(setting.key)) {
      store(result, *key, setting.value, std::move(where));
    } else {
      store_unknown(result, setting, std::move(where));
    }
  }
  return true;
}

// A file that holds secrets may be read by its owner and group alone. Called before other sources are applied: what
// stands in the file stays readable there even if it is not in force.
void check_file_mode(LoadResult& result, std::string_view file, mode_t mode) {
  if ((mode & 007) == 0) {
    return;
  }
  for (const ConfigKey& key : config_keys()) {
    const bool inside = key.secrecy == Secrecy::kSecret && result.is_set(key.name);
    if (inside && !value_text(result.config, key).empty()) {
      result.add({key.name}, fmt::format("a secret in a file that others can read (mode {:04o}), expected mode 0640 or "
                                         "less: chmod o-rwx {}",
                                         mode, printable(file)));
    }
  }
}

bool apply_file(LoadResult& result, const std::string& path) {
  const auto file = read_file(path, kMaxTomlBytes);
  if (!file) {
    result.mistakes.push_back({printable(path), file.error().message});
    return false;
  }
  const bool parsed = apply_toml(result, file->text, printable(path));
  check_file_mode(result, path, file->mode);
  return parsed;
}

void apply_environment(LoadResult& result, const Environment& environment) {
  const auto keys = config_keys();
  for (const auto& variable : environment) {
    const std::string& name = variable.first;
    if (!name.starts_with(kPrefix) || name == kPushKeyVariable) {
      continue;
    }
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const ConfigKey& candidate) { return environment_name(candidate) == name; });
    std::string where = fmt::format("environment {}", printable(name));
    if (key == keys.end()) {
      result.mistakes.push_back({std::move(where), "unknown variable" + suggest_environment(name)});
      continue;
    }
    store(result, *key, BareText{variable.second}, std::move(where));
  }
}

void apply_overrides(LoadResult& result, const std::vector<std::string>& overrides) {
  for (const std::string& text : overrides) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    std::string where = fmt::format("--set {}", printable(name));
    const ConfigKey* key = find_key(name);
    if (key == nullptr) {
      result.mistakes.push_back({std::move(where), "unknown key" + suggest_key(name)});
    } else if (equals == std::string::npos) {
      result.mistakes.push_back({std::move(where), fmt::format("no value, expected {}=VALUE", name)});
      result.faulty.emplace(name);
    } else {
      store(result, *key, BareText{text.substr(equals + 1)}, std::move(where));
    }
  }
}

// Host name and six random digits, chosen once: a reload must not rename the node.
const std::string& default_node_name() {
  static const std::string kName = [] {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) {
      host = {"node"};
    }
    std::string name(host.data());
    std::erase_if(name, [](char c) { return !check_node_name(std::string_view(&c, 1)); });
    return fmt::format("{}-{:06x}", name.empty() ? "node" : name.substr(0, 50), std::random_device{}() & 0xffffffU);
  }();
  return kName;
}

}  // namespace

Environment current_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (text.starts_with(kPrefix) && equals != std::string_view::npos) {
      environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  std::sort(environment.begin(), environment.end());
  return environment;
}

LoadResult load_config(const LoadRequest& request) {
  LoadResult result;
  const bool readable = !request.file || apply_file(result, *request.file);
  apply_environment(result, request.environment);
  apply_overrides(result, request.overrides);
  if (result.config.node.name.empty()) {
    result.config.node.name = default_node_name();
  }
  if (readable) {
    read_named_files(result);
    check_rules(result);
  }
  return result;
}

LoadResult load_config_text(std::string_view text, std::string_view file) {
  LoadResult result;
  if (apply_toml(result, text, file)) {
    check_rules(result);
  }
  return result;
}

std::vector<std::string> needs_restart(const Config& running, const Config& fresh) {
  std::vector<std::string> names;
  for (const ConfigKey& key : config_keys()) {
    if (key.on_reload == OnReload::kRestart && value_text(running, key) != value_text(fresh, key)) {
      names.emplace_back(key.name);
    }
  }
  return names;
}

}  // namespace pushwire::server
