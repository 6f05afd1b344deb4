// Gateway: one node. Builds everything once from the configuration, starts the workers, reloads, drains, stops.
// Thread: the main thread's; the workers run in threads that it owns and joins. Lifetime: main()'s stack.
//
//   start() -> until bus_health().up -> [reload()]* -> drain() -> until drained() -> leave() -> until settled() ->
//   ~Gateway
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/node_view.h"
#include "base/result.h"
#include "bus/bus.h"
#include "hub/cluster.h"
#include "hub/dedup_table.h"
#include "hub/dispatcher.h"
#include "hub/local_hub.h"
#include "hub/router.h"
#include "net/address.h"
#include "server/config.h"
#include "server/worker.h"

namespace pushwire::server {

class Gateway {
 public:
  Gateway(Config config, std::unique_ptr<bus::Bus> bus);
  // Stops at once what still runs.
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Opens the listeners, starts bus and workers. Errors name the address, file or setting. A bus whose servers are away
  // is none: bus_health() tells when the node can deliver.
  Result<> start();
  bus::Health bus_health() const { return bus_->health(); }
  // One plain line per listener: "clients on ws://127.0.0.1:8000/ws".
  const std::vector<std::string>& listener_lines() const noexcept { return listener_lines_; }

  // Takes over what a running node can change; the rest is named in the log. The old settings stay on an error.
  Result<> reload(Config fresh);
  // The same settings, from files that have changed: certificates and keys.
  Result<> reload_files() { return reload(config_); }
  // The configuration on disk is bad: shown in the metrics.
  void reload_failed() noexcept { view_.reload_ok.store(false); }

  // New clients and pushes are refused from now on, connected clients are told at drain.rate.
  void drain();
  // True when every client has been told and is gone.
  bool drained() const;
  // The other nodes are told that this one goes.
  void leave();
  // True when the bus has said of every push that was given to it whether it has it.
  bool settled() const { return bus_->counters().waiting_bytes.load(std::memory_order_relaxed) == 0; }
  std::int64_t connections() const { return api::totals_of(view_).connections; }

 private:
  struct Ports {
    std::vector<net::Address> client;
    std::vector<net::Address> api;
  };

  Result<std::vector<WorkerListeners>> open_listeners();
  Result<> open_port(const Config::Addresses& addresses, std::vector<net::Address>& bound,
                     std::vector<WorkerListeners>& listeners, std::vector<net::Fd> WorkerListeners::*where);
  BoundPorts bound_ports() const;
  void name_listeners();
  // Whether a port speaks TLS does not change while the node runs.
  void keep_tls_switched(Config& fresh, std::vector<std::string>& later) const;
  void fill_view();
  std::unique_ptr<hub::Cluster> make_cluster();
  void stop();

  Config config_;
  Ports ports_;
  std::vector<std::string> listener_lines_;
  hub::NodeCounts counts_;
  hub::DedupTable dedup_;
  std::unique_ptr<bus::Bus> bus_;
  std::vector<std::unique_ptr<WorkerBase>> bases_;
  hub::Router router_;
  std::unique_ptr<hub::Cluster> cluster_;  // null: the bus has no other nodes
  hub::Dispatcher dispatcher_;
  api::NodeView view_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
};

}  // namespace pushwire::server
