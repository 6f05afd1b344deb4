// DevPages: the try-it page and its /dev/api/, on the client port and with dev auth only.
//
// The page may do without a key what the server API does, so only it may: Host must be loopback, an Origin must be one
// of the node's own, and whatever changes something must be JSON, which no other page can send without asking first.
// Thread: the worker's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/api.h"
#include "http/http_connection.h"
#include "server/worker_settings.h"

namespace pushwire::server {

class DevPages {
 public:
  explicit DevPages(api::Api& api) : api_(api) {}

  void attach(http::HttpServer& server) noexcept { server_ = &server; }

  // What is refused before a body is read.
  std::optional<http::Response> refuse(const http::Request& request, const WorkerSettings& settings);
  // Answers now or later. Requires: refuse() had nothing against it.
  void handle(http::HttpConnection& connection, const http::Request& request, const WorkerSettings& settings);

 private:
  api::Api& api_;
  http::HttpServer* server_ = nullptr;
};

}  // namespace pushwire::server
