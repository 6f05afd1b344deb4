#include "server/config_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/utf8.h"

namespace pushwire::server {
namespace {

constexpr std::size_t kMaxShown = 80;

}  // namespace

std::string printable(std::string_view text) {
  const std::string_view shown = text.substr(0, kMaxShown);
  const bool utf8 = is_valid_utf8(text) && shown.size() == text.size();
  std::string safe;
  for (const char c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x20 && byte != 0x7f && (byte < 0x80 || utf8);
    safe += plain ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  // U+0080–009F are control characters of terminals too; in UTF-8 they begin with C2 80–9F.
  for (std::size_t at = 0; (at = safe.find('\xc2', at)) != std::string::npos; ++at) {
    const auto next = static_cast<unsigned char>(safe[at + 1]);
    if (next < 0xa0) {
      safe.replace(at, 2, fmt::format("\\x{:02x}", next));
    }
  }
  return shown.size() == text.size() ? safe : safe + "…";
}

std::string in_quotes(std::string_view text) {
  return fmt::format("\"{}\"", printable(text));
}

std::string one_of(std::span<const std::string_view> words) {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view joint = i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
    list += fmt::format("{}\"{}\"", joint, words[i]);
  }
  return list;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // One row of the usual table: row[j] is the distance of a's first i bytes to b's first j.
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  constexpr std::size_t kLongestWord = 100;  // the table is quadratic, and a longer word is no typing mistake
  if (word.size() > kLongestWord) {
    return {};
  }
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace pushwire::server
