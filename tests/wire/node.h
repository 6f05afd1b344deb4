// Node: a whole node with one worker, without a thread and without a network. The test's thread turns its loop by hand;
// clients come in through socket pairs, callers of the API through an unnamed local socket.
// Thread: the test's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/node_view.h"
#include "base/result.h"
#include "bus/embedded/embedded_bus.h"
#include "net/fd.h"
#include "server/config.h"
#include "server/worker.h"

namespace pushwire::wire {

inline constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";

// What many nodes, one for each replay, may share.
struct NodeSettings {
  server::Config config;
  std::shared_ptr<const server::WorkerSettings> worker;
  int send_buffer_bytes = 0;  // of the gateway's end of a client's socket; 0: the kernel's default
};

// `overrides` are "key=value" as for --set.
Result<NodeSettings> make_node_settings(std::vector<std::string> overrides);

class Node {
 public:
  explicit Node(const NodeSettings& settings);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void turn();
  // The client's end.
  net::Fd connect_client();
  net::Fd connect_api();
  void drain();

  // Of one series as /metrics names it; nothing when there is none.
  std::optional<double> metric(std::string_view series) const;
  // What is left although every client has gone; "" when nothing is.
  std::string leftovers() const;

 private:
  const NodeSettings& settings_;
  hub::DedupTable dedup_;
  bus::EmbeddedBus bus_;
  server::WorkerBase base_;
  hub::Router router_;
  hub::NodeCounts counts_;
  hub::Dispatcher dispatcher_;
  api::NodeView view_;
  std::unique_ptr<server::Worker> worker_;
  int api_listener_ = -1;  // the worker's
};

}  // namespace pushwire::wire
