// Worker: one thread with its event loop, and everything that lives on it: listeners, HTTP connections, sessions,
// topics. It wires the rooms together and carries out mail; it decides nothing itself.
//
// WorkerBase holds what other threads may reach (loop.wake(), mailbox, counters); it exists before any worker, because
// the router needs all mailboxes. Thread: run() and everything it calls on the worker's own; the constructor before.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "api/api.h"
#include "api/api_port.h"
#include "api/node_view.h"
#include "base/quiet_log.h"
#include "http/http_server.h"
#include "hub/cluster_timer.h"
#include "hub/dispatcher.h"
#include "hub/local_hub.h"
#include "net/event_loop.h"
#include "net/fd.h"
#include "net/listener.h"
#include "server/client_port.h"
#include "server/handshake_gate.h"
#include "server/refused_sockets.h"
#include "server/worker_settings.h"

namespace pushwire::server {

struct WorkerBase {
  WorkerBase(std::uint32_t worker_index, std::size_t mailbox_bytes)
      : index(worker_index), mailbox(loop, mailbox_bytes) {}

  const std::uint32_t index;
  net::EventLoop loop;
  metrics::WorkerStats stats;
  hub::WorkerMailbox mailbox;
  std::atomic<bool> drained{false};  // every client has been told, flushed and closed
};

// What all workers of a node share. Lifetime: outlives them.
struct NodeServices {
  const api::NodeView& view;
  hub::NodeCounts& counts;
  hub::Dispatcher& dispatcher;
};

struct WorkerListeners {
  std::vector<net::Fd> client;
  std::vector<net::Fd> api;
};

class Worker final : public net::TurnHandler, public net::AcceptHandler, private UpgradeSink, private net::Timer {
 public:
  Worker(WorkerBase& base, const NodeServices& services, std::shared_ptr<const WorkerSettings> settings,
         WorkerListeners listeners);
  ~Worker();

  // Until base.loop.request_stop().
  void run();
  // Takes a connection as if it had been accepted on the client port (tests).
  void adopt_client(net::Fd fd) { client_server_.adopt(std::move(fd)); }

  void drain_mail() override;
  void on_timers(MonotonicMs now) override;
  void flush() override;
  void destroy_closed() override;
  bool has_work() const override { return hub_.has_work() || base_.mailbox.has_mail(); }

 private:
  enum Port : std::uint16_t { kClientPort, kApiPort };

  void on_accept(net::Fd fd, std::uint16_t port) override;
  void on_no_descriptor(std::uint16_t port) override;
  bool can_accept(std::uint16_t port) override;
  void on_upgrade(std::unique_ptr<session::PendingUpgrade> upgrade) override;
  void on_timer(MonotonicMs now) override;

  void carry_out(hub::WorkerMail&& mail);
  void adopt(std::unique_ptr<session::PendingUpgrade> upgrade);
  void answer(const hub::Ask& ask);
  void apply(std::shared_ptr<const WorkerSettings> settings);

  WorkerBase& base_;
  const NodeServices services_;
  std::shared_ptr<const WorkerSettings> settings_;
  std::vector<char> receive_buffer_;
  hub::LocalHub hub_;
  api::Api api_;
  api::ApiPort api_port_;
  ClientPort client_port_;
  http::HttpServer api_server_;
  http::HttpServer client_server_;
  RefusedSockets refused_;
  hub::Mailbag bag_;
  std::optional<hub::ClusterTimer> cluster_timer_;  // on the first worker, when there are other nodes
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  QuietLog descriptor_log_;
  QuietLog crowded_log_;
  HandshakeGate gate_;
};

}  // namespace pushwire::server
