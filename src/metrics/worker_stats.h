// WorkerStats: all numbers of one worker. The worker writes, any thread reads (metrics endpoint, /v1/stats).
// Lifetime: as long as the node.
#pragma once

#include <array>
#include <cstddef>

#include "metrics/catalog.h"
#include "metrics/counter.h"

namespace pushwire::metrics {

struct alignas(64) WorkerStats {
  static constexpr std::size_t kMaxDisconnects = 32;  // rows of the disconnect table (protocol/disconnect.h)
  static constexpr std::size_t kMaxRoutes = 24;       // rows of the route table (api/routes.h)
  static constexpr std::size_t kMaxStatuses = 24;     // rows of kStatuses

  Gauge connections;
  Gauge users;
  Gauge subscriptions;
  Gauge outbox_bytes;
  Gauge pending_handshakes;
  Counter deliveries;
  Counter evictions;
  std::array<Counter, kDropReasonNames.size()> drops;
  std::array<Counter, kHandshakeResultNames.size()> handshakes;
  std::array<Counter, kMaxDisconnects> disconnects;
  std::array<std::array<Counter, kPushResultNames.size()>, kPushTargetNames.size()> pushes;
  std::array<std::array<Counter, kMaxStatuses>, kMaxRoutes> api_requests;
  Histogram push_seconds;

  void drop(DropReason reason, std::uint64_t n = 1) noexcept { drops[index_of(reason)].add(n); }
  void handshake(HandshakeResult result) noexcept { handshakes[index_of(result)].add(); }
  void push(PushTarget target, PushResult result) noexcept { pushes[index_of(target)][index_of(result)].add(); }
};

// The HTTP statuses that the server API can answer, ascending; the index is the column of api_requests.
inline constexpr std::array<unsigned, 18> kStatuses = {200, 400, 401, 403, 404, 405, 408, 409, 413,
                                                       415, 417, 422, 429, 431, 500, 501, 503, 505};
static_assert(kStatuses.size() <= WorkerStats::kMaxStatuses);

}  // namespace pushwire::metrics
