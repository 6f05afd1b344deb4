// Sizes ("64KiB") and durations ("250ms", "10s") as people write them in the configuration and on the command line.
// Pure functions, any thread. An error completes the sentence `"TEXT" is …`: what is wrong, what is expected.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pushwire {

// A whole number and nothing (bytes), KiB, MiB or GiB. No sign, no blank, no fraction.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

// A whole number and ms, s, m or h. A bare number is an error: nobody could tell seconds from milliseconds.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// The shortest text that parses back to the same value, with the largest unit that divides it.
[[nodiscard]] std::string format_size(std::uint64_t bytes);
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

}  // namespace pushwire
