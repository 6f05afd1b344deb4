// NodeView: what the API may see of the whole node, read-only but for two flags and the questions to other nodes.
// Filled by the gateway before the first worker starts and constant then; the numbers behind the pointers are made to
// be read from any thread. Lifetime: everything it points to outlives the workers.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/clock.h"
#include "bus/bus.h"
#include "hub/cluster.h"
#include "hub/dispatcher.h"
#include "hub/local_hub.h"
#include "hub/router.h"
#include "metrics/worker_stats.h"
#include "net/event_loop.h"

namespace pushwire::api {

struct WorkerView {
  const metrics::WorkerStats* stats;
  const hub::WorkerMailbox* mailbox;
  const net::EventLoop* loop;
};

struct NodeView {
  std::string name;
  std::string version;
  std::string commit;
  std::string io;  // I/O back end in use
  WallMs started_at = 0;
  std::vector<WorkerView> workers;
  const hub::NodeCounts* counts = nullptr;
  const hub::Dispatcher* dispatcher = nullptr;
  const hub::DedupTable* dedup = nullptr;
  const bus::Bus* bus = nullptr;
  hub::Cluster* cluster = nullptr;  // null: the node is alone
  std::atomic<bool> draining{false};
  std::atomic<bool> reload_ok{true};
};

struct NodeTotals {
  std::int64_t connections = 0;
  std::int64_t users = 0;
  std::int64_t subscriptions = 0;
  std::int64_t pending_handshakes = 0;
};
NodeTotals totals_of(const NodeView& node);

}  // namespace pushwire::api
