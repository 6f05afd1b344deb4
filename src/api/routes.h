// The routes of the server API: one table for dispatch, for `Allow` and for the metric label. Constants; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "http/route_table.h"
#include "metrics/worker_stats.h"

namespace pushwire::api {

// In the order of kRoutes.
enum class RouteId : std::uint8_t {
  kPush,
  kPushBatch,
  kUser,
  kUserSessions,
  kUserSession,
  kTopic,
  kNodes,
  kStats,
  kHealth,
  kReady,
  kMetrics,
  kOpenApi,
};

inline constexpr std::array kRoutes = {
    http::Route{http::Method::kPost, "/v1/push"},
    http::Route{http::Method::kPost, "/v1/push/batch"},
    http::Route{http::Method::kGet, "/v1/users/{id}"},
    http::Route{http::Method::kDelete, "/v1/users/{id}/sessions"},
    http::Route{http::Method::kDelete, "/v1/users/{id}/sessions/{session}"},
    http::Route{http::Method::kGet, "/v1/topics/{topic}"},
    http::Route{http::Method::kGet, "/v1/nodes"},
    http::Route{http::Method::kGet, "/v1/stats"},
    http::Route{http::Method::kGet, "/healthz"},
    http::Route{http::Method::kGet, "/readyz"},
    http::Route{http::Method::kGet, "/metrics"},
    http::Route{http::Method::kGet, "/openapi.yaml"},
};
inline constexpr std::size_t kUnknownRoute = kRoutes.size();  // counted as route="other"
static_assert(kUnknownRoute < metrics::WorkerStats::kMaxRoutes);

// Whether a call of this route needs an API key.
constexpr bool needs_key(std::size_t route) noexcept {
  return route < static_cast<std::size_t>(RouteId::kHealth);
}

}  // namespace pushwire::api
