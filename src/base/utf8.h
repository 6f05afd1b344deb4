// UTF-8 by Unicode 15 table 3-7 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
// Value types, any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace pushwire {

// Checks a text that arrives in pieces. Four bytes of state, so that a connection can keep it between two reads.
// Fails at the first byte that can no longer become valid text (RFC 6455 8.1 wants failure at once).
class Utf8Validator {
 public:
  // False once the text is invalid; further calls stay false.
  [[nodiscard]] bool feed(std::string_view bytes) noexcept;
  // True when the text so far is valid and does not stop inside a code point.
  [[nodiscard]] bool complete() const noexcept { return state_ == 0; }
  void reset() noexcept { *this = {}; }

 private:
  std::uint8_t state_ = 0;   // continuation bytes still expected; 0xff after a fault
  std::uint8_t low_ = 0x80;  // bounds of the next continuation byte
  std::uint8_t high_ = 0xbf;
};

[[nodiscard]] bool is_valid_utf8(std::string_view bytes) noexcept;

}  // namespace pushwire
