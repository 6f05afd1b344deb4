// Bytes as a transcript spells them, and bytes shown in a failure. Pure functions.
//
//   "he\x80\n"   escapes \n \r \t \\ \" \xHH        'as it is'   no escapes        "a"*65536   repeated
//   hex 81 05    bytes                             several of these in a row are joined
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pushwire::wire {

// A stretch of the same few bytes, repeated: cutting it at each of its bytes would prove nothing new.
struct Bulk {
  std::size_t begin;
  std::size_t end;
};

struct Literal {
  std::string bytes;
  std::vector<Bulk> bulks;
};

Result<Literal> parse_literal(std::string_view text);
// Only pairs of hexadecimal digits.
Result<std::string> parse_hex(std::string_view text);
Result<std::size_t> parse_number(std::string_view text);

// Printable, and not longer than a line of a terminal or three.
std::string show(std::string_view bytes);

// `*` in the pattern stands for any bytes, none included.
bool matches(std::string_view pattern, std::string_view text);

std::string_view trim(std::string_view text);
// Cuts the first word off.
std::string_view take_word(std::string_view& text);

}  // namespace pushwire::wire
