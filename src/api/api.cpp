#include "api/api.h"

#include "api/metrics_page.h"
#include "api/node_api.h"
#include "api/routes.h"

namespace pushwire::api {
namespace {

constexpr http::RouteTable kTable(kRoutes);
constexpr std::string_view kLines = "application/x-ndjson";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

// The media type, without parameters, when the only parameter is a charset of UTF-8; else "".
std::string_view media_type(std::string_view value) {
  const std::size_t semicolon = value.find(';');
  if (semicolon == std::string_view::npos) {
    return trimmed(value);
  }
  const std::string_view parameter = trimmed(value.substr(semicolon + 1));
  for (const std::string_view good : {"charset=utf-8", "charset=\"utf-8\"", ""}) {
    if (http::equals_ignoring_case(parameter, good)) {
      return trimmed(value.substr(0, semicolon));
    }
  }
  return {};
}

bool is_type(const http::Request& request, std::string_view type) {
  const auto value = request.header("Content-Type");
  return value && request.count("Content-Type") == 1 && http::equals_ignoring_case(media_type(*value), type);
}

bool is_push(std::size_t route) {
  return route == static_cast<std::size_t>(RouteId::kPush) || route == static_cast<std::size_t>(RouteId::kPushBatch);
}

}  // namespace

Api::Api(std::uint32_t worker, const NodeView& node, hub::Dispatcher& dispatcher, session::RandomIds& ids,
         metrics::WorkerStats& stats)
    : node_(node),
      stats_(stats),
      pushes_(worker, node, dispatcher, ids, stats),
      sessions_(worker, node, dispatcher.router(), stats) {}

http::RouteMatch Api::match(const http::Request& request, std::string_view path) {
  return kTable.match(request.method, path);
}

std::size_t Api::route_of(const http::RouteMatch& match) {
  return match.outcome == http::RouteOutcome::kNotFound ? kUnknownRoute : match.route;
}

std::optional<http::Response> Api::refuse(const http::RouteMatch& match, const http::Request& request) {
  switch (match.outcome) {
    case http::RouteOutcome::kNotFound:
      return http::json_error(404, "not_found", "there is no such path");
    case http::RouteOutcome::kMethodNotAllowed:
      return http::json_error(405, "method_not_allowed", "this path has other methods: see Allow")
          .with("Allow", match.allow);
    case http::RouteOutcome::kBadEncoding:
      return http::json_error(400, "bad_request", "the path has bad percent-encoding, NUL or no UTF-8");
    case http::RouteOutcome::kFound:
      break;
  }
  if (!is_push(match.route)) {
    return std::nullopt;
  }
  if (request.count("Content-Encoding") > 0) {
    return http::json_error(415, "unsupported_media_type", "a body without Content-Encoding is expected");
  }
  const bool batch = match.route == static_cast<std::size_t>(RouteId::kPushBatch);
  if (!is_type(request, http::kJsonType) && !(batch && is_type(request, kLines))) {
    return http::json_error(415, "unsupported_media_type",
                            batch ? "Content-Type: application/json or application/x-ndjson is expected"
                                  : "Content-Type: application/json is expected");
  }
  return std::nullopt;
}

http::Response Api::page(std::size_t route) const {
  switch (static_cast<RouteId>(route)) {
    case RouteId::kNodes:
      return nodes_page(node_);
    case RouteId::kStats:
      return stats_page(node_);
    case RouteId::kReady:
      return ready_page(node_);
    case RouteId::kMetrics:
      return metrics_page(node_);
    case RouteId::kOpenApi:
      return asset_page("openapi.yaml");
    default:
      return health_page();
  }
}

void Api::handle(const Exchange& exchange, const http::RouteMatch& match, const http::Request& request) {
  switch (static_cast<RouteId>(match.route)) {
    case RouteId::kPush:
      return pushes_.handle(exchange, PushApi::Form::kOne, request.body);
    case RouteId::kPushBatch:
      return pushes_.handle(exchange, is_type(request, kLines) ? PushApi::Form::kLines : PushApi::Form::kArray,
                            request.body);
    case RouteId::kUser:
      return sessions_.list_user(exchange, match.parameter("id"));
    case RouteId::kUserSessions:
      return sessions_.close_user(exchange, match.parameter("id"));
    case RouteId::kUserSession:
      return sessions_.close_session(exchange, match.parameter("id"), match.parameter("session"));
    case RouteId::kTopic:
      return sessions_.count_topic(exchange, match.parameter("topic"));
    default:
      return answer(exchange, page(match.route), stats_);
  }
}

}  // namespace pushwire::api
