// ClientPort: the handler of the client listeners. It turns handshakes into PendingUpgrades and sends each to its
// user's home worker; with dev auth it serves the try-it page beside it.
// Thread: its worker's.
#pragma once

#include <memory>
#include <optional>

#include "api/node_view.h"
#include "http/http_connection.h"
#include "hub/local_hub.h"
#include "hub/router.h"
#include "metrics/worker_stats.h"
#include "server/dev_pages.h"
#include "server/worker_settings.h"
#include "session/upgrade_request.h"

namespace pushwire::server {

// Takes a client that may come in. Implemented by the worker.
class UpgradeSink {
 public:
  virtual void on_upgrade(std::unique_ptr<session::PendingUpgrade> upgrade) = 0;

 protected:
  ~UpgradeSink() = default;
};

class ClientPort final : public http::HttpHandler {
 public:
  ClientPort(const api::NodeView& node, hub::NodeCounts& counts, metrics::WorkerStats& stats, api::Api& api,
             UpgradeSink& sink, std::shared_ptr<const WorkerSettings> settings)
      : node_(node), counts_(counts), stats_(stats), sink_(sink), pages_(api), settings_(std::move(settings)) {}

  void attach(http::HttpServer& server) noexcept { pages_.attach(server); }
  void set_settings(std::shared_ptr<const WorkerSettings> settings) { settings_ = std::move(settings); }

  std::optional<http::Response> on_head(http::HttpConnection& connection, const http::Request& request) override;
  void on_request(http::HttpConnection& connection, const http::Request& request) override;
  void on_refused(http::HttpConnection& connection, const http::RequestError& error) override;

 private:
  session::Door door() const;
  void upgrade(http::HttpConnection& connection, const http::Request& request);
  void refuse(http::HttpConnection& connection, const session::Refusal& refusal);

  const api::NodeView& node_;
  hub::NodeCounts& counts_;
  metrics::WorkerStats& stats_;
  UpgradeSink& sink_;
  DevPages pages_;
  std::shared_ptr<const WorkerSettings> settings_;
};

}  // namespace pushwire::server
