// Share: the part of all users and connections that one client process has, and what each connection is for.
// All connections of a user belong to one process, so that it can account for its users alone. A value; any thread.
#pragma once

#include <cmath>
#include <cstdint>

#include "bench/options.h"

namespace pushwire::bench {

enum class Role : std::uint8_t {
  kReader,   // every message for it is accounted
  kStalled,  // reads nothing once it is connected
  kChurner,  // leaves and comes back; nothing is promised to it
};

struct Share {
  std::uint32_t process = 0;
  std::uint32_t processes = 1;
  std::uint32_t first_user = 0;
  std::uint32_t users = 0;
};

inline Share share_of(const Plan& plan, std::uint32_t process, std::uint32_t processes) {
  const auto first = [&](std::uint64_t n) { return static_cast<std::uint32_t>(n * plan.options.users / processes); };
  return {process, processes, first(process), first(process + 1) - first(process)};
}

// True for `share` of all numbers, spread evenly.
inline bool is_chosen(std::uint32_t number, double share) {
  return std::floor((number + 1.0) * share) > std::floor(number * share);
}

inline Role role_of(const Plan& plan, std::uint32_t connection) {
  constexpr double kChurnShare = 0.1;
  if (plan.options.mode == Mode::kSlow && is_chosen(connection, plan.options.stalled)) {
    return Role::kStalled;
  }
  if (plan.options.mode == Mode::kSoak && plan.options.churn > 0 && is_chosen(connection / plan.devices, kChurnShare)) {
    return Role::kChurner;
  }
  return Role::kReader;
}

}  // namespace pushwire::bench
