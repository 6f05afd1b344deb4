#include "api/node_view.h"

namespace pushwire::api {

NodeTotals totals_of(const NodeView& node) {
  NodeTotals totals;
  for (const WorkerView& worker : node.workers) {
    totals.connections += worker.stats->connections.value();
    totals.users += worker.stats->users.value();
    totals.subscriptions += worker.stats->subscriptions.value();
    totals.pending_handshakes += worker.stats->pending_handshakes.value();
  }
  return totals;
}

}  // namespace pushwire::api
