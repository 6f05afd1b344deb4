#include "http/request.h"

#include <algorithm>
#include <array>

namespace pushwire::http {
namespace {

constexpr std::array<std::string_view, 9> kMethodNames = {"GET",   "HEAD",    "POST",  "PUT",    "DELETE",
                                                          "PATCH", "OPTIONS", "TRACE", "CONNECT"};

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

Method method_of(std::string_view text) noexcept {
  const auto* found = std::find(kMethodNames.begin(), kMethodNames.end(), text);
  return static_cast<Method>(found - kMethodNames.begin());
}

std::string_view method_name(Method method) noexcept {
  const auto index = static_cast<std::size_t>(method);
  return index < kMethodNames.size() ? kMethodNames[index] : std::string_view{};
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool list_has_token(std::string_view list, std::string_view token) noexcept {
  while (true) {
    const std::size_t comma = list.find(',');
    if (equals_ignoring_case(trimmed(list.substr(0, comma)), token)) {
      return true;
    }
    if (comma == list.npos) {
      return false;
    }
    list.remove_prefix(comma + 1);
  }
}

void HeaderValues::Iterator::settle() noexcept {
  while (!rest_.empty() && !equals_ignoring_case(rest_.front().name, name_)) {
    rest_ = rest_.subspan(1);
  }
}

std::optional<std::string_view> Request::header(std::string_view name) const noexcept {
  for (const std::string_view value : values(name)) {
    return value;
  }
  return std::nullopt;
}

std::size_t Request::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::count_if(
      headers.begin(), headers.end(), [&](const Header& each) { return equals_ignoring_case(each.name, name); }));
}

}  // namespace pushwire::http
