// Listener: a listening socket of one worker. Every worker opens its own on the same address (SO_REUSEPORT).
// Options that connections inherit (TCP_NODELAY, SO_SNDBUF) are set here once, not per connection.
// Thread: the worker's. Lifetime: outlives its registration with the loop.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "net/address.h"
#include "net/event_loop.h"
#include "net/fd.h"

namespace pushwire::net {

struct ListenOptions {
  int send_buffer_bytes = 16 * 1024;  // a stalled reader keeps 34-45 KB of kernel memory (docs/performance.md)
  int backlog = 4096;
};

// Whether nobody listens there yet. SO_REUSEPORT alone would let a second process of the same user take half of the
// first one's clients without a word.
Result<> check_unused(const Address& address);

// A bound, listening, non-blocking socket. With port 0 the kernel chooses; ask local_address().
Result<Fd> listen_on(const Address& address, const ListenOptions& options);

// Told about each accepted connection. `fd` is non-blocking and close-on-exec.
class AcceptHandler {
 public:
  virtual void on_accept(Fd fd, std::uint16_t listener_tag) = 0;
  // The process has no descriptor left: one waiting client was turned away.
  virtual void on_no_descriptor(std::uint16_t listener_tag) = 0;
  // False: leave new connections in the kernel's queue until resume() is called.
  virtual bool can_accept(std::uint16_t listener_tag) = 0;

 protected:
  ~AcceptHandler() = default;
};

class Listener final : public IoHandler {
 public:
  // `tag` is handed to on_accept(): which of the worker's listeners it was.
  Listener(EventLoop& loop, Fd fd, AcceptHandler& handler, std::uint16_t tag);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Accepts what waits; after can_accept() was false, and now and then in case descriptors had run out.
  void resume() { on_io(0); }
  int fd() const noexcept { return fd_.get(); }
  void on_io(std::uint32_t events) override;

 private:
  static constexpr int kAcceptsPerTurn = 128;

  bool turn_one_away();

  EventLoop& loop_;
  Fd fd_;
  // Kept open so that at EMFILE one descriptor can be freed, the waiting client accepted and closed: otherwise the
  // queue would stay ready for ever and the loop spin on it.
  Fd reserve_;
  AcceptHandler& handler_;
  const std::uint16_t tag_;
  bool accepts_on_ = false;  // has used up its accepts of a turn, the next turn goes on
};

}  // namespace pushwire::net
