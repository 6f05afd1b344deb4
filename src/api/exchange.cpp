#include "api/exchange.h"

#include <algorithm>

namespace pushwire::api {

void count_answer(std::size_t route, int status, metrics::WorkerStats& stats) {
  const auto* const found =
      std::find(metrics::kStatuses.begin(), metrics::kStatuses.end(), static_cast<unsigned>(status));
  if (found != metrics::kStatuses.end()) {
    stats.api_requests[route][static_cast<std::size_t>(found - metrics::kStatuses.begin())].add();
  }
}

void answer(const Exchange& exchange, const http::Response& response, metrics::WorkerStats& stats) {
  count_answer(exchange.route, response.status, stats);
  http::HttpConnection* connection = exchange.server->find(exchange.ticket);
  if (connection != nullptr && connection->awaits_answer()) {
    connection->respond(response);
  }
}

http::Response unavailable(std::string_view code, std::string_view message) {
  return http::json_error(503, code, message).with("Retry-After", "1");
}

}  // namespace pushwire::api
