#include "base/clock.h"

#include <fmt/format.h>

#include <ctime>

namespace pushwire {
namespace {

std::int64_t read_ns(clockid_t id) noexcept {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::int64_t monotonic_ns() noexcept {
  return read_ns(CLOCK_MONOTONIC);
}

WallMs wall_ms() noexcept {
  return read_ns(CLOCK_REALTIME) / 1'000'000;
}

std::string format_time(WallMs time) {
  // Floor division, so that times before 1970 keep their milliseconds positive.
  std::int64_t seconds = time / 1000 - (time % 1000 < 0 ? 1 : 0);
  const auto whole = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, time - seconds * 1000);
}

}  // namespace pushwire
