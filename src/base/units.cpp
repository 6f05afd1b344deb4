#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

#include "base/check.h"

namespace pushwire {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first: formatting takes the first one that divides.
constexpr std::array kSizeUnits = {Unit{"GiB", std::uint64_t{1} << 30}, Unit{"MiB", std::uint64_t{1} << 20},
                                   Unit{"KiB", std::uint64_t{1} << 10}, Unit{"", 1}};
constexpr std::array kDurationUnits = {Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000}, Unit{"ms", 1}};

constexpr std::string_view kSizeExpected = "expected bytes or a whole number with KiB, MiB or GiB like \"64KiB\"";
constexpr std::string_view kDurationExpected = "expected a whole number with ms, s, m or h like \"10s\"";

struct Quantity {
  std::uint64_t number = 0;
  std::string_view unit;
  bool overflow = false;
};

// Nothing when the text does not begin with a digit.
std::optional<Quantity> split(std::string_view text) {
  Quantity quantity;
  const char* const end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, quantity.number);
  if (fault == std::errc::invalid_argument) {
    return std::nullopt;
  }
  quantity.overflow = fault == std::errc::result_out_of_range;
  quantity.unit = std::string_view(stop, static_cast<std::size_t>(end - stop));
  return quantity;
}

// Nothing when the unit is not in the table.
std::optional<std::uint64_t> factor_of(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) {
      return unit.factor;
    }
  }
  return std::nullopt;
}

std::string format_with(std::span<const Unit> units, std::uint64_t value) {
  for (const Unit& unit : units) {
    if (value % unit.factor == 0 && (value != 0 || unit.factor == 1)) {
      return fmt::format("{}{}", value / unit.factor, unit.name);
    }
  }
  PW_CHECK(false);  // the last unit of each table divides everything
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto quantity = split(text);
  const auto factor = quantity ? factor_of(kSizeUnits, quantity->unit) : std::nullopt;
  if (!factor) {
    return fail(fmt::format("not a size, {}", kSizeExpected));
  }
  if (quantity->overflow || quantity->number > std::numeric_limits<std::uint64_t>::max() / *factor) {
    return fail("too large for a size, expected less than 17179869184GiB");
  }
  return quantity->number * *factor;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  using Rep = std::chrono::milliseconds::rep;
  const auto quantity = split(text);
  if (quantity && quantity->unit.empty()) {
    return fail(fmt::format("a number without a unit, {}", kDurationExpected));
  }
  const auto factor = quantity ? factor_of(kDurationUnits, quantity->unit) : std::nullopt;
  if (!factor) {
    return fail(fmt::format("not a duration, {}", kDurationExpected));
  }
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<Rep>::max());
  if (quantity->overflow || quantity->number > kMost / *factor) {
    return fail("too large for a duration, expected at most 2562047788015h");
  }
  return std::chrono::milliseconds(static_cast<Rep>(quantity->number * *factor));
}

std::string format_size(std::uint64_t bytes) {
  return format_with(kSizeUnits, bytes);
}

std::string format_duration(std::chrono::milliseconds duration) {
  if (duration.count() < 0) {
    return "-" + format_with(kDurationUnits, std::uint64_t{0} - static_cast<std::uint64_t>(duration.count()));
  }
  return format_with(kDurationUnits, static_cast<std::uint64_t>(duration.count()));
}

}  // namespace pushwire
