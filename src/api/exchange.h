// Exchange: one API request on its way to its answer, which may come turns later.
// Thread: the worker's. The connection may go meanwhile: it is found again by its ticket.
#pragma once

#include <cstddef>

#include "http/http_connection.h"
#include "http/http_server.h"
#include "http/response.h"
#include "metrics/worker_stats.h"

namespace pushwire::api {

struct Exchange {
  http::HttpServer* server;
  http::ConnectionTicket ticket;
  std::size_t route;  // index into kRoutes
};

// Sends the answer, if its reader is still there, and counts it.
void answer(const Exchange& exchange, const http::Response& response, metrics::WorkerStats& stats);
void count_answer(std::size_t route, int status, metrics::WorkerStats& stats);

http::Response unavailable(std::string_view code, std::string_view message);

}  // namespace pushwire::api
