#include "http/route_table.h"

#include "base/check.h"
#include "http/query.h"

namespace pushwire::http {
namespace {

struct RawParameter {
  std::string_view name;
  std::string_view text;
};

struct RawParameters {
  std::array<RawParameter, RouteMatch::kMaxParameters> list;
  std::size_t count = 0;
};

// Cuts the first segment, "/" included, off `path` and returns it without the "/".
std::string_view next_segment(std::string_view& path) noexcept {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool is_parameter(std::string_view segment) noexcept {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// Segment by segment; both begin with '/', and a trailing '/' is an empty segment of its own.
bool fits(std::string_view pattern, std::string_view path, RawParameters& found) {
  found.count = 0;
  while (!pattern.empty() && !path.empty() && path.front() == '/') {
    const std::string_view wanted = next_segment(pattern);
    const std::string_view segment = next_segment(path);
    if (!is_parameter(wanted)) {
      if (wanted != segment) {
        return false;
      }
      continue;
    }
    if (segment.empty()) {
      return false;
    }
    PW_CHECK(found.count < found.list.size());
    found.list[found.count++] = {wanted.substr(1, wanted.size() - 2), segment};
  }
  return pattern.empty() && path.empty();
}

bool answers(Method route, Method asked) noexcept {
  return route == asked || (route == Method::kGet && asked == Method::kHead);
}

void add_allowed(std::string& allow, Method method) {
  allow += allow.empty() ? "" : ", ";
  allow += method_name(method);
  if (method == Method::kGet) {
    allow += ", HEAD";
  }
}

void decode_parameters(const RawParameters& raw, RouteMatch& match) {
  for (std::size_t i = 0; i < raw.count; ++i) {
    auto value = decode_component(raw.list[i].text, PlusSign::kLiteral);
    if (!value) {
      match.outcome = RouteOutcome::kBadEncoding;
      return;
    }
    match.parameters[i] = {raw.list[i].name, std::move(*value)};
  }
}

}  // namespace

std::string_view RouteMatch::parameter(std::string_view name) const noexcept {
  for (const Parameter& each : parameters) {
    if (each.name == name) {
      return each.value;
    }
  }
  return {};
}

RouteMatch RouteTable::match(Method method, std::string_view path) const {
  RouteMatch match;
  RawParameters raw;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const Route& route = routes_[i];
    if (!fits(route.pattern, path, raw)) {
      continue;
    }
    if (answers(route.method, method)) {
      match.outcome = RouteOutcome::kFound;
      match.route = i;
      match.pattern = route.pattern;
      match.allow.clear();
      decode_parameters(raw, match);
      return match;
    }
    if (match.outcome == RouteOutcome::kNotFound) {
      match.outcome = RouteOutcome::kMethodNotAllowed;
      match.route = i;
      match.pattern = route.pattern;
    }
    add_allowed(match.allow, route.method);
  }
  return match;
}

}  // namespace pushwire::http
