// RouteTable: which handler a method and path belong to, over a constexpr table that the caller owns.
//
//   constexpr Route kRoutes[] = {{Method::kGet, "/v1/users/{id}"}, {Method::kPost, "/v1/push"}};
//
// The index of a match is the caller's switch; its pattern is the metric label. Any thread. The table outlives it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/request.h"

namespace pushwire::http {

struct Route {
  Method method;
  std::string_view pattern;  // "{name}" stands for one whole, non-empty segment
};

enum class RouteOutcome : std::uint8_t {
  kFound,
  kNotFound,
  kMethodNotAllowed,  // `allow` is filled
  kBadEncoding,       // a parameter is not percent-encoded UTF-8
};

struct RouteMatch {
  static constexpr std::size_t kMaxParameters = 2;
  struct Parameter {
    std::string_view name;
    std::string value;  // percent-decoded
  };

  RouteOutcome outcome = RouteOutcome::kNotFound;
  std::size_t route = 0;     // index into the table; also for the outcomes that refuse a known path
  std::string_view pattern;  // "" when not found
  std::array<Parameter, kMaxParameters> parameters;
  std::string allow;  // "GET, HEAD"

  // "" when the pattern has no such parameter.
  std::string_view parameter(std::string_view name) const noexcept;
};

class RouteTable {
 public:
  explicit constexpr RouteTable(std::span<const Route> routes) noexcept : routes_(routes) {}

  // The first route that fits. HEAD is answered where GET is.
  RouteMatch match(Method method, std::string_view path) const;

 private:
  std::span<const Route> routes_;
};

}  // namespace pushwire::http
