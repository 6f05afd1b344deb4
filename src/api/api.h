// Api: the server API of one worker, behind whichever listener a request came in by.
//
// The listener's own rules (keys on the API port, origins on the try-it page's) are judged before by its handler;
// here are the rules of the routes: 404, 405, 415, and what each call does.
// Thread: its worker's. Lifetime: as long as the worker.
#pragma once

#include <optional>
#include <string_view>

#include "api/exchange.h"
#include "api/node_view.h"
#include "api/push_api.h"
#include "api/session_api.h"
#include "http/request.h"
#include "http/route_table.h"
#include "hub/dispatcher.h"

namespace pushwire::api {

class Api {
 public:
  Api(std::uint32_t worker, const NodeView& node, hub::Dispatcher& dispatcher, session::RandomIds& ids,
      metrics::WorkerStats& stats);

  static http::RouteMatch match(const http::Request& request, std::string_view path);
  // The index for counting: the route, also when its method was wrong, or kUnknownRoute.
  static std::size_t route_of(const http::RouteMatch& match);
  // What can be refused before the body is read.
  static std::optional<http::Response> refuse(const http::RouteMatch& match, const http::Request& request);

  // Requires: refuse() had nothing against it.
  void handle(const Exchange& exchange, const http::RouteMatch& match, const http::Request& request);
  void on_reply(hub::Reply&& mail) { sessions_.on_reply(std::move(mail)); }
  void on_published(const hub::Published& mail) { pushes_.on_published(mail); }
  metrics::WorkerStats& stats() noexcept { return stats_; }

 private:
  http::Response page(std::size_t route) const;

  const NodeView& node_;
  metrics::WorkerStats& stats_;
  PushApi pushes_;
  SessionApi sessions_;
};

}  // namespace pushwire::api
