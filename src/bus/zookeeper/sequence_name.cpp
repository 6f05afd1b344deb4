#include "bus/zookeeper/sequence_name.h"

#include <fmt/format.h>

#include <charconv>

namespace pushwire::bus {

std::string znode_name(std::int32_t number) {
  return fmt::format("m-{:010}", number);
}

std::optional<std::int32_t> znode_number(std::string_view path) noexcept {
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (!name.starts_with("m-")) {
    return std::nullopt;
  }
  std::int32_t number = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + 2, end, number);
  return error == std::errc{} && stop == end ? std::optional(number) : std::nullopt;
}

}  // namespace pushwire::bus
