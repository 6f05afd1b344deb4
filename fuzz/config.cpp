// Fuzzes reading a configuration: any bytes give a configuration or mistakes, each with a place and nothing that a
// terminal obeys, and what was accepted obeys the limits and reads back the same. libFuzzer entry; one thread.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "server/config_keys.h"
#include "server/config_load.h"
#include "server/config_value.h"

namespace {

using namespace pushwire::server;

bool is_printable(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      return false;
    }
  }
  return true;
}

// Each value that a Config holds is one that --set takes (but for what --set cannot spell: commas in lists).
void check_round_trip(const Config& config) {
  for (const ConfigKey& key : config_keys()) {
    const std::string text = value_text(config, key);
    if (text.empty() || key.type == KeyType::kTexts) {
      continue;
    }
    Config again;
    PW_CHECK(set_value(again, key, BareText{text}).has_value());
    PW_CHECK(value_text(again, key) == text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const LoadResult result = load_config_text({reinterpret_cast<const char*>(data), size}, "f");
  for (const ConfigMistake& mistake : result.mistakes) {
    PW_CHECK(!mistake.what.empty());
    PW_CHECK(is_printable(mistake.message()));
  }
  check_round_trip(result.config);
  if (result.good()) {
    PW_CHECK(result.config.outbox.hard_bytes >= 2 * largest_message_bytes(result.config));
    PW_CHECK(result.config.heartbeat.timeout > result.config.heartbeat.interval);
    PW_CHECK(result.config.auth.mode == AuthMode::kJwt || all_loopback(result.config.client.listen));
  }
  return 0;
}
