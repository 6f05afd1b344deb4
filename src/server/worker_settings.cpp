#include "server/worker_settings.h"

#include <fmt/format.h>

#include "base/json_writer.h"
#include "server/listener_tls.h"
#include "server/settings.h"
#include "server/version.h"

namespace pushwire::server {
namespace {

session::SessionOptions session_options(const Config& config) {
  session::SessionOptions options;
  options.max_connections_per_user = config.session.max_connections_per_user;
  options.on_limit = config.session.on_limit == OnLimit::kCloseOldest ? session::LimitPolicy::kCloseOldest
                                                                      : session::LimitPolicy::kRejectNew;
  options.max_topics_per_connection = config.topics.max_per_connection;
  options.max_message_bytes = config.client.max_message_bytes;
  options.heartbeat_interval = config.heartbeat.interval.count();
  options.heartbeat_timeout = config.heartbeat.timeout.count();
  options.outbox_soft_bytes = config.outbox.soft_bytes;
  options.outbox_soft_for = config.outbox.soft_for.count();
  options.outbox_hard_bytes = config.outbox.hard_bytes;
  options.close_timeout = config.client.close_timeout.count();
  return options;
}

http::HttpLimits http_limits(const Config& config, Config::Duration patience) {
  http::HttpLimits limits;
  limits.parser.body_bytes = config.api.max_body_bytes;
  limits.head_timeout_ms = patience.count();
  limits.body_timeout_ms = patience.count();
  limits.write_timeout_ms = patience.count();
  return limits;
}

Result<session::Authenticator> make_authenticator(const Config& config) {
  if (config.auth.mode == AuthMode::kDev) {
    return session::Authenticator::for_development();
  }
  auto keys = session::load_keys(key_sources(config.auth));
  if (!keys) {
    return fail(keys.error().message);
  }
  for (const std::string& note : keys->notes()) {
    log_warning("{}", note);
  }
  return session::Authenticator::with_tokens(std::make_shared<const session::KeySet>(std::move(*keys)),
                                             token_policy(config.auth));
}

std::string dev_info(const Config& config, const BoundPorts& ports) {
  std::string out = R"({"api":)";
  json_append_string(out, ports.api_url);
  out += R"(,"path":)";
  json_append_string(out, config.client.path);
  out += R"(,"node":)";
  json_append_string(out, config.node.name);
  out += R"(,"version":)";
  json_append_string(out, version());
  out += fmt::format(R"(,"max_connections_per_user":{},"api_key_required":{}}})",
                     config.session.max_connections_per_user, !config.api.keys.empty());
  return out;
}

}  // namespace

Result<std::shared_ptr<const WorkerSettings>> make_settings(const Config& config, const BoundPorts& ports,
                                                            std::uint32_t workers) {
  auto settings = std::make_shared<WorkerSettings>();
  settings->development = config.auth.mode == AuthMode::kDev;

  auto authenticator = make_authenticator(config);
  auto origins = session::OriginList::parse(config.client.allowed_origins);
  auto topics =
      session::TopicPermissions::make(settings->development ? std::vector<std::string>{"*"} : config.topics.allow);
  if (!authenticator) {
    return fail(authenticator.error().message);
  }
  if (!origins) {
    return fail(fmt::format("client.allowed_origins: {}", origins.error().message));
  }
  if (!topics) {
    return fail(fmt::format("topics.allow: {}", topics.error().message));
  }
  if (settings->development) {
    const std::string_view scheme = config.client.tls() ? "https" : "http";
    for (const std::uint16_t port : ports.client) {
      settings->dev_origins = settings->dev_origins.with_dev_origins(port, scheme);
      *origins = origins->with_dev_origins(port, scheme);
    }
    settings->dev_info = dev_info(config, ports);
  }
  auto client_tls = make_tls_server(config.client.tls_certificate, config.client.tls_key, "");
  auto api_tls = make_tls_server(config.api.tls_certificate, config.api.tls_key, config.api.tls_client_ca);
  if (!client_tls || !api_tls) {
    const bool client = !client_tls;
    return fail(fmt::format("{}.tls_certificate: {}", client ? "client" : "api",
                            (client ? client_tls : api_tls).error().message));
  }
  settings->client_tls = std::move(*client_tls);
  settings->api_tls = std::move(*api_tls);
  settings->hub = {config.node.name, session_options(config), *topics};
  settings->upgrade.path = config.client.path;
  settings->upgrade.authenticator = std::move(*authenticator);
  settings->upgrade.origins = std::move(*origins);
  settings->upgrade.topics = std::move(*topics);
  settings->upgrade.max_topics = config.topics.max_per_connection;
  settings->keys = api::ApiKeys(config.api.keys);
  settings->client_http = http_limits(config, config.client.handshake_timeout);
  settings->api_http = http_limits(config, config.api.request_timeout);
  settings->io = static_cast<net::IoChoice>(config.client.io);  // the same three, in the same order
  settings->max_connections = config.client.max_connections;
  settings->handshakes.pending = (config.client.max_pending_handshakes + workers - 1) / workers;
  settings->handshakes.per_second = static_cast<double>(config.client.handshakes_per_second) / workers;
  return settings;
}

}  // namespace pushwire::server
