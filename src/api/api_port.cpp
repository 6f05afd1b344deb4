#include "api/api_port.h"

#include "api/routes.h"

namespace pushwire::api {

std::optional<http::Response> ApiPort::refuse(const http::RouteMatch& match, const http::Request& request) const {
  if (keys_.empty()) {
    // HTTP/1.0 may come without Host (simple health checkers do that); a browser never does.
    const bool has_host = request.version_minor > 0 || !request.host.empty();
    if (has_host && !is_loopback_host(request.host)) {
      return http::json_error(403, "forbidden", "without API keys only a loopback Host is served").and_close();
    }
  } else if (needs_key(Api::route_of(match)) || match.outcome == http::RouteOutcome::kNotFound) {
    if (request.count("Authorization") != 1 || !keys_.accept(request.header("Authorization"))) {
      return http::json_error(401, "unauthorized", "an API key is expected: Authorization: Bearer KEY")
          .with("WWW-Authenticate", "Bearer")
          .and_close();
    }
  }
  return Api::refuse(match, request);
}

std::optional<http::Response> ApiPort::on_head(http::HttpConnection&, const http::Request& request) {
  const http::RouteMatch match = Api::match(request, request.path);
  auto response = refuse(match, request);
  if (response) {
    count_answer(Api::route_of(match), response->status, api_.stats());
  }
  return response;
}

void ApiPort::on_request(http::HttpConnection& connection, const http::Request& request) {
  const http::RouteMatch match = Api::match(request, request.path);
  const Exchange exchange{server_, connection.ticket(), Api::route_of(match)};
  // A request with a body has been judged already, when its head came.
  if (!request.has_body) {
    if (const auto response = refuse(match, request)) {
      answer(exchange, *response, api_.stats());
      return;
    }
  }
  api_.handle(exchange, match, request);
}

void ApiPort::on_refused(http::HttpConnection& connection, const http::RequestError& error) {
  if (error.status == 0) {
    return;  // no request
  }
  const http::Request* request = connection.head();
  const std::size_t route = request == nullptr ? kUnknownRoute : Api::route_of(Api::match(*request, request->path));
  count_answer(route, error.status, api_.stats());
}

}  // namespace pushwire::api
