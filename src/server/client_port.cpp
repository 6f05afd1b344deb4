#include "server/client_port.h"

#include "base/clock.h"

namespace pushwire::server {
namespace {

using metrics::HandshakeResult;

HandshakeResult result_of(int status) {
  switch (status) {
    case 0:
      return HandshakeResult::kTls;
    case 408:
      return HandshakeResult::kTimeout;
    case 431:
      return HandshakeResult::kHeadTooLarge;
    default:
      return HandshakeResult::kBadRequest;
  }
}

}  // namespace

session::Door ClientPort::door() const {
  if (node_.draining.load(std::memory_order_relaxed)) {
    return session::Door::kDraining;
  }
  return counts_.admission.full(settings_->max_connections) ? session::Door::kFull : session::Door::kOpen;
}

std::optional<http::Response> ClientPort::on_head(http::HttpConnection&, const http::Request& request) {
  if (request.path == settings_->upgrade.path) {
    const auto checked = session::check_upgrade(request, settings_->upgrade, door(), wall_ms() / 1000);
    if (checked) {
      return std::nullopt;  // cannot be: a handshake has no body. on_request() judges it again.
    }
    stats_.handshake(checked.error().result);
    return checked.error().response();
  }
  if (settings_->development) {
    return pages_.refuse(request, *settings_);
  }
  stats_.handshake(HandshakeResult::kNotFound);
  return session::Refusal{HandshakeResult::kNotFound, 404, "there is no such path"}.response();
}

void ClientPort::on_request(http::HttpConnection& connection, const http::Request& request) {
  if (request.path == settings_->upgrade.path) {
    upgrade(connection, request);
    return;
  }
  if (!settings_->development) {
    refuse(connection, {HandshakeResult::kNotFound, 404, "there is no such path"});
    return;
  }
  if (!request.has_body) {
    if (const auto response = pages_.refuse(request, *settings_)) {
      if (request.upgrade && response->status == 404) {
        stats_.handshake(HandshakeResult::kNotFound);
      }
      connection.respond(*response);
      return;
    }
  }
  pages_.handle(connection, request, *settings_);
}

void ClientPort::refuse(http::HttpConnection& connection, const session::Refusal& refusal) {
  stats_.handshake(refusal.result);
  connection.respond(refusal.response());
}

void ClientPort::upgrade(http::HttpConnection& connection, const http::Request& request) {
  auto checked = session::check_upgrade(request, settings_->upgrade, door(), wall_ms() / 1000);
  if (!checked) {
    refuse(connection, checked.error());
    return;
  }
  if (!counts_.admission.enter(settings_->max_connections)) {
    refuse(connection, session::refusal_of(session::Door::kFull));
    return;
  }
  http::TakenOver taken = connection.take_over();
  auto upgrade = std::make_unique<session::PendingUpgrade>(std::move(*checked));
  upgrade->fd = std::move(taken.fd);
  upgrade->tls = std::move(taken.tls);
  upgrade->leftover = std::move(taken.leftover);
  sink_.on_upgrade(std::move(upgrade));
}

void ClientPort::on_refused(http::HttpConnection&, const http::RequestError& error) {
  stats_.handshake(result_of(error.status));
}

}  // namespace pushwire::server
