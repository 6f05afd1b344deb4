#include "http/query.h"

#include <algorithm>

#include "base/utf8.h"

namespace pushwire::http {
namespace {

// The value of a hexadecimal digit; -1 for anything else.
constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

std::optional<std::string> decode_component(std::string_view text, PlusSign plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i] == '+' && plus == PlusSign::kSpace ? ' ' : text[i]);
      continue;
    }
    if (text.size() - i < 3) {
      return std::nullopt;
    }
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  if (out.find('\0') != out.npos || !is_valid_utf8(out)) {
    return std::nullopt;
  }
  return out;
}

Result<Query> Query::parse(std::string_view raw) {
  Query query;
  while (!raw.empty()) {
    const std::size_t end = raw.find('&');
    const std::string_view item = raw.substr(0, end);
    raw.remove_prefix(end == raw.npos ? raw.size() : end + 1);
    if (item.empty()) {
      continue;  // "a=1&&b=2", as forms may send it
    }
    if (query.items_.size() == kMaxItems) {
      return fail("the query has too many parameters");
    }
    const std::size_t equals = item.find('=');
    auto key = decode_component(item.substr(0, equals), PlusSign::kSpace);
    auto value = decode_component(equals == item.npos ? std::string_view{} : item.substr(equals + 1), PlusSign::kSpace);
    if (!key || !value) {
      return fail("the query is not percent-encoded UTF-8");
    }
    query.items_.push_back({std::move(*key), std::move(*value)});
  }
  return query;
}

std::optional<std::string_view> Query::find(std::string_view key) const noexcept {
  const auto found = std::find_if(items_.begin(), items_.end(), [&](const QueryItem& item) { return item.key == key; });
  return found == items_.end() ? std::nullopt : std::optional<std::string_view>(found->value);
}

std::size_t Query::count(std::string_view key) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(items_.begin(), items_.end(), [&](const QueryItem& item) { return item.key == key; }));
}

}  // namespace pushwire::http
