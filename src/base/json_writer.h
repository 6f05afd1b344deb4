// Building blocks for JSON text: strings with their escapes, integers. The caller writes the braces and commas.
// Functions, any thread. Strings must be valid UTF-8; only what RFC 8259 7 demands is escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pushwire {

// Bytes of `text` as the inside of a JSON string, without the quotes.
[[nodiscard]] std::size_t json_escaped_size(std::string_view text) noexcept;

// Writes that many bytes and returns the place behind them.
char* json_write_escaped(char* out, std::string_view text) noexcept;

// Appends `text` as a JSON string, quotes included.
void json_append_string(std::string& out, std::string_view text);

void json_append_integer(std::string& out, std::int64_t value);

}  // namespace pushwire
