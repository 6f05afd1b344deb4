#include "server/dev_pages.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/api_keys.h"
#include "api/node_api.h"
#include "web_assets.h"

namespace pushwire::server {
namespace {

constexpr std::string_view kApiPrefix = "/dev/api";
constexpr std::string_view kInfoPath = "/dev/api/info";

bool is_reading(http::Method method) {
  return method == http::Method::kGet || method == http::Method::kHead;
}

bool is_api(std::string_view path) {
  return path.starts_with(kApiPrefix) && path.substr(kApiPrefix.size()).starts_with('/');
}

// "" for a path that is no file of the page.
std::string_view asset_of(std::string_view path) {
  if (path == "/") {
    return "try.html";
  }
  for (const web::Asset& asset : web::assets()) {
    if (path.substr(1) == asset.name && !asset.name.ends_with(".yaml") && !asset.name.ends_with(".html")) {
      return asset.name;
    }
  }
  return {};
}

http::Response only_get() {
  return http::json_error(405, "method_not_allowed", "only GET is expected here").with("Allow", "GET, HEAD");
}

http::Response with_page_headers(http::Response response, std::string_view host) {
  // WebSocket connections to the own origin need naming: 'self' covers http alone in some browsers.
  response.headers.push_back(
      {"Content-Security-Policy",
       fmt::format("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' "
                   "ws://{0} wss://{0}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                   host)});
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
  response.headers.push_back({"Referrer-Policy", "no-referrer"});
  response.headers.push_back({"Cache-Control", "no-store"});
  return response;
}

}  // namespace

std::optional<http::Response> DevPages::refuse(const http::Request& request, const WorkerSettings& settings) {
  if (!is_api(request.path) && asset_of(request.path).empty()) {
    return http::json_error(404, "not_found", "there is no such path").and_close();
  }
  if (!api::is_loopback_host(request.host)) {
    return http::json_error(403, "forbidden", "the try-it page is served to a loopback Host only");
  }
  if (!is_api(request.path)) {
    if (!is_reading(request.method)) {
      return only_get();
    }
    return std::nullopt;
  }
  const std::size_t origins = request.count("Origin");
  if (origins > 0 && !settings.dev_origins.allows(request.header("Origin"), origins)) {
    return http::json_error(403, "origin_forbidden", "only the try-it page may call this");
  }
  if (!is_reading(request.method) && !request.header("Content-Type").value_or("").starts_with(http::kJsonType)) {
    return http::json_error(415, "unsupported_media_type", "Content-Type: application/json is expected");
  }
  if (request.path == kInfoPath) {
    return is_reading(request.method) ? std::nullopt : std::optional(only_get());
  }
  return api::Api::refuse(api::Api::match(request, request.path.substr(kApiPrefix.size())), request);
}

void DevPages::handle(http::HttpConnection& connection, const http::Request& request, const WorkerSettings& settings) {
  if (request.path == kInfoPath) {
    connection.respond(http::Response::json(200, settings.dev_info).with("Cache-Control", "no-store"));
    return;
  }
  if (!is_api(request.path)) {
    connection.respond(with_page_headers(api::asset_page(asset_of(request.path)), request.host));
    return;
  }
  const http::RouteMatch match = api::Api::match(request, request.path.substr(kApiPrefix.size()));
  api_.handle({server_, connection.ticket(), api::Api::route_of(match)}, match, request);
}

}  // namespace pushwire::server
