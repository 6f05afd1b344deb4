#include "server/config_docs.h"

#include <fmt/format.h>

#include <string_view>

#include "server/config_keys.h"

namespace pushwire::server {
namespace {

std::string default_markdown(const ConfigKey& key) {
  switch (key.type) {
    case KeyType::kTexts:
      return key.default_text.empty() ? "`[]`" : fmt::format("`[\"{}\"]`", key.default_text);  // no list has two
    case KeyType::kCount:
    case KeyType::kSwitch:
      return fmt::format("`{}`", key.default_text);
    default:
      return key.default_text.empty() ? "" : fmt::format("`\"{}\"`", key.default_text);
  }
}

}  // namespace

std::string configuration_reference() {
  std::string text;
  std::string_view table;
  for (const ConfigKey& key : config_keys()) {
    const std::size_t dot = key.name.rfind('.');
    if (key.name.substr(0, dot) != table) {
      table = key.name.substr(0, dot);
      text += fmt::format("{}### `[{}]`\n\n", text.empty() ? "" : "\n", table);
      text += "| key | default | takes | meaning | on SIGHUP |\n| --- | --- | --- | --- | --- |\n";
    }
    text += fmt::format("| `{}`{} | {} | {} | {} | {} |\n", key.name.substr(dot + 1),
                        key.secrecy == Secrecy::kSecret ? " (secret)" : "", default_markdown(key), expectation(key),
                        key.help, key.on_reload == OnReload::kApplied ? "applied" : "restart");
  }
  return text;
}

}  // namespace pushwire::server
