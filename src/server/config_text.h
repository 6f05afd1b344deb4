// Small helpers for messages about a configuration: a foreign text made safe to print, and the nearest known word.
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pushwire::server {

// `text` without control characters and bad UTF-8 (they become \xNN), shortened when it is long. A configuration may
// come from anywhere and must not write to the terminal what it likes.
[[nodiscard]] std::string printable(std::string_view text);
// The same in double quotes.
[[nodiscard]] std::string in_quotes(std::string_view text);
// "a", "b" or "c"
[[nodiscard]] std::string one_of(std::span<const std::string_view> words);

// Levenshtein distance: single-byte insertions, deletions, replacements.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);
// The candidate nearest to `word`, or "" when none is near enough to be meant.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace pushwire::server
