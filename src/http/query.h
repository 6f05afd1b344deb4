// Percent-decoding (RFC 3986 2.1) and the query part of a target, strict: a bad escape, a NUL or bad UTF-8 is an error,
// never passed on and never mended. Value types; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pushwire::http {

enum class PlusSign : std::uint8_t { kLiteral, kSpace };

// Nothing for a bad escape, a NUL or text that is not UTF-8.
std::optional<std::string> decode_component(std::string_view text, PlusSign plus);

struct QueryItem {
  std::string key;
  std::string value;  // "" when there was no '='
};

class Query {
 public:
  static constexpr std::size_t kMaxItems = 64;

  // `raw` is what follows '?'. The error says what is wrong, for a 400.
  static Result<Query> parse(std::string_view raw);

  // The first item of that key. Valid while this Query lives.
  std::optional<std::string_view> find(std::string_view key) const noexcept;
  std::size_t count(std::string_view key) const noexcept;
  std::span<const QueryItem> items() const noexcept { return items_; }

 private:
  std::vector<QueryItem> items_;
};

}  // namespace pushwire::http
