// WorkerSettings: what a worker takes from the configuration and gets anew on a reload. Immutable once built; workers
// share one, and each keeps copies of the parts it uses on its hot paths.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/api_keys.h"
#include "base/result.h"
#include "http/http_server.h"
#include "hub/local_hub.h"
#include "hub/worker_mail.h"
#include "net/sender.h"
#include "net/tls_server.h"
#include "server/config.h"
#include "server/handshake_gate.h"
#include "session/upgrade_request.h"

namespace pushwire::server {

struct WorkerSettings final : hub::Settings {
  hub::HubOptions hub;
  session::UpgradePolicy upgrade;
  session::OriginList dev_origins;  // of the try-it page
  api::ApiKeys keys;
  http::HttpLimits client_http;
  http::HttpLimits api_http;
  std::shared_ptr<const net::TlsServer> client_tls;  // null: in the clear
  std::shared_ptr<const net::TlsServer> api_tls;
  net::IoChoice io = net::IoChoice::kAuto;
  std::uint64_t max_connections = 0;
  HandshakeGate::Limits handshakes;  // of this worker
  bool development = false;
  std::string dev_info;  // answer of /dev/api/info
};

// Where the listeners really are (port 0 resolved).
struct BoundPorts {
  std::vector<std::uint16_t> client;
  std::string api_url;  // of the first API listener
};

// Requires: a configuration without mistakes. Reads the key files; errors name file and setting.
Result<std::shared_ptr<const WorkerSettings>> make_settings(const Config& config, const BoundPorts& ports,
                                                            std::uint32_t workers);

}  // namespace pushwire::server
