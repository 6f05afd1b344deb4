// The names of sequential znodes: "m-" and the number that the server counted up for the parent, as Java's "%010d"
// writes an int. It goes from 2147483647 on to -2147483648, so that "later" is a matter of the difference.
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pushwire::bus {

std::string znode_name(std::int32_t number);
// The number of a name, or of a path that ends in it; nothing when it is none of ours.
std::optional<std::int32_t> znode_number(std::string_view path) noexcept;
// Whether `a` was counted after `b`. Requires that they are less than 2^31 apart.
constexpr bool is_later(std::int32_t a, std::int32_t b) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) - static_cast<std::uint32_t>(b)) > 0;
}
constexpr std::int32_t number_after(std::int32_t number, std::uint32_t steps = 1) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(number) + steps);
}

}  // namespace pushwire::bus
