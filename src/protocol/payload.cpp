#include "protocol/payload.h"

#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/check.h"
#include "base/json_reader.h"

namespace pushwire::protocol {

bool is_valid_payload(PayloadKind kind, std::string_view bytes) {
  if (kind == PayloadKind::kBinary) {
    return is_base64(bytes);
  }
  JsonReader reader(bytes);
  if (kind == PayloadKind::kJson) {
    (void)reader.skip_value();
    return reader.finish();
  }
  if (!bytes.starts_with('"') || reader.peek() != JsonKind::kString) {
    return false;
  }
  const std::optional<JsonString> text = reader.read_string();
  return text && !text->has_lone_surrogate && reader.finish() && bytes.ends_with('"');
}

std::string raw_payload(PayloadKind kind, std::string_view slice) {
  if (kind == PayloadKind::kJson) {
    return std::string(slice);
  }
  if (kind == PayloadKind::kBinary) {
    std::optional<std::string> bytes = base64_decode(slice);
    PW_CHECK(bytes.has_value());
    return std::move(*bytes);
  }
  PW_CHECK(slice.size() >= 2 && slice.front() == '"' && slice.back() == '"');
  std::optional<std::string> text = json_unescape(slice.substr(1, slice.size() - 2));
  PW_CHECK(text.has_value());
  return std::move(*text);
}

}  // namespace pushwire::protocol
