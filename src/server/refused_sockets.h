// RefusedSockets: clients that are told no without an HttpConnection of their own: too many handshakes at once, or
// refused on their home worker. They get a short answer, and a moment to read it before the socket closes.
// Bounded: beyond kMost the oldest one closes now. Thread: the worker's.
#pragma once

#include <deque>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "net/event_loop.h"
#include "net/fd.h"
#include "net/timer_wheel.h"
#include "net/tls_connection.h"

namespace pushwire::server {

class RefusedSockets final : private net::Timer {
 public:
  explicit RefusedSockets(net::EventLoop& loop) : loop_(loop) {}

  // `tls`: null in the clear.
  void refuse(net::Fd fd, std::unique_ptr<net::TlsConnection> tls, std::string_view answer);
  std::size_t size() const noexcept { return sockets_.size(); }

 private:
  static constexpr std::size_t kMost = 1024;
  static constexpr MonotonicMs kLingerMs = 1000;

  struct Refused {
    net::Fd fd;
    MonotonicMs until;
  };

  void on_timer(MonotonicMs now) override;

  net::EventLoop& loop_;
  std::deque<Refused> sockets_;  // the first to go first
};

}  // namespace pushwire::server
