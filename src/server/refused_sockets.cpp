#include "server/refused_sockets.h"

#include <sys/socket.h>

#include <array>

namespace pushwire::server {

void RefusedSockets::refuse(net::Fd fd, std::unique_ptr<net::TlsConnection> tls, std::string_view answer) {
  // A fresh socket's buffer is empty: the answer fits, and if not, the client is closed without one.
  if (tls == nullptr) {
    (void)::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  } else {
    (void)tls->send(answer);
    tls->shutdown();
  }
  (void)::shutdown(fd.get(), SHUT_WR);
  if (sockets_.size() >= kMost) {
    sockets_.pop_front();
  }
  sockets_.push_back({std::move(fd), loop_.now() + kLingerMs});
  if (!armed()) {
    loop_.timers().arm(*this, sockets_.front().until);
  }
}

void RefusedSockets::on_timer(MonotonicMs now) {
  while (!sockets_.empty() && sockets_.front().until <= now) {
    // What was sent meanwhile is taken, so that closing does not reset the connection under the answer.
    std::array<char, 4096> rest;
    (void)::recv(sockets_.front().fd.get(), rest.data(), rest.size(), MSG_DONTWAIT);
    sockets_.pop_front();
  }
  if (!sockets_.empty()) {
    loop_.timers().arm(*this, sockets_.front().until);
  }
}

}  // namespace pushwire::server
