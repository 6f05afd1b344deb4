#include "server/config_toml.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "server/config_keys.h"
#include "server/config_text.h"

namespace pushwire::server {
namespace {

RawValue list_value(const toml::array& array) {
  std::vector<std::string> texts;
  for (const toml::node& element : array) {
    const auto text = element.value_exact<std::string>();
    if (!text) {
      return Unsuitable{"a list of something other than texts"};
    }
    texts.push_back(*text);
  }
  return texts;
}

RawValue raw_value(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string:
      return **node.as_string();
    case toml::node_type::integer:
      return **node.as_integer();
    case toml::node_type::boolean:
      return **node.as_boolean();
    case toml::node_type::array:
      return list_value(*node.as_array());
    case toml::node_type::floating_point:
      return Unsuitable{"a number with a fraction"};
    case toml::node_type::table:
      return Unsuitable{"a table"};
    default:
      return Unsuitable{"a date or a time"};
  }
}

constexpr int kKeyDepth = 3;  // "bus.redis.address": a table deeper down is no key of ours, whatever stands in it

void flatten(const toml::table& table, const std::string& prefix, int depth, std::vector<TomlSetting>& settings) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix.empty() ? std::string(name.str()) : fmt::format("{}.{}", prefix, name.str());
    const toml::table* inner = node.as_table();
    if (inner != nullptr && !inner->empty() && depth < kKeyDepth && find_key(key) == nullptr) {
      flatten(*inner, key, depth + 1, settings);
      continue;
    }
    const std::uint32_t line = name.source().begin.line;
    settings.push_back({key, line, raw_value(node)});
  }
}

// The first line that is too long, counted from 1.
std::optional<std::size_t> overlong_line(std::string_view text) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    if (length > kMaxTomlLine) {
      return number;
    }
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<TomlSetting>, ConfigMistake> read_toml(std::string_view text, std::string_view file) {
  if (text.size() > kMaxTomlBytes) {
    return tl::unexpected(ConfigMistake{std::string(file), "too long, expected at most 1 MiB"});
  }
  if (const auto line = overlong_line(text)) {
    return tl::unexpected(
        ConfigMistake{fmt::format("{}:{}", file, *line), "too long, expected lines of at most 8 KiB"});
  }
  try {
    const toml::table table = toml::parse(text, file);
    std::vector<TomlSetting> settings;
    flatten(table, "", 1, settings);
    std::stable_sort(settings.begin(), settings.end(),
                     [](const TomlSetting& a, const TomlSetting& b) { return a.line < b.line; });
    return settings;
  } catch (const toml::parse_error& error) {
    return tl::unexpected(ConfigMistake{fmt::format("{}:{}", file, error.source().begin.line),
                                        fmt::format("not TOML: {}", printable(error.description()))});
  } catch (const std::exception& error) {
    return tl::unexpected(ConfigMistake{std::string(file), fmt::format("cannot be read as TOML: {}", error.what())});
  }
}

}  // namespace pushwire::server
