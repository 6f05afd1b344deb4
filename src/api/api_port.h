// ApiPort: the handler of the API listeners. It judges who may call, hands the call to Api, and counts every answer.
// Thread: its worker's.
#pragma once

#include <optional>

#include "api/api.h"
#include "api/api_keys.h"
#include "http/http_connection.h"
#include "http/http_server.h"

namespace pushwire::api {

class ApiPort final : public http::HttpHandler {
 public:
  ApiPort(Api& api, ApiKeys keys) : api_(api), keys_(std::move(keys)) {}

  // Before the first connection: where its requests come from.
  void attach(http::HttpServer& server) noexcept { server_ = &server; }
  void set_keys(ApiKeys keys) { keys_ = std::move(keys); }

  std::optional<http::Response> on_head(http::HttpConnection& connection, const http::Request& request) override;
  void on_request(http::HttpConnection& connection, const http::Request& request) override;
  void on_refused(http::HttpConnection& connection, const http::RequestError& error) override;

 private:
  std::optional<http::Response> refuse(const http::RouteMatch& match, const http::Request& request) const;

  Api& api_;
  ApiKeys keys_;
  http::HttpServer* server_ = nullptr;
};

}  // namespace pushwire::api
