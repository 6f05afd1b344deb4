#include "api/node_view.h"

#include <gtest/gtest.h>

namespace pushwire::api {
namespace {

TEST(NodeView, AddsUpWhatTheWorkersCount) {
  metrics::WorkerStats first;
  metrics::WorkerStats second;
  first.connections.set(3);
  first.users.set(2);
  second.connections.set(4);
  second.subscriptions.set(9);
  second.pending_handshakes.set(1);
  NodeView node;
  node.workers = {{&first, nullptr, nullptr}, {&second, nullptr, nullptr}};
  const NodeTotals totals = totals_of(node);
  EXPECT_EQ(totals.connections, 7);
  EXPECT_EQ(totals.users, 2);
  EXPECT_EQ(totals.subscriptions, 9);
  EXPECT_EQ(totals.pending_handshakes, 1);
}

}  // namespace
}  // namespace pushwire::api
