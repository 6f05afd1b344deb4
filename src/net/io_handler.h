// IoHandler: what an event loop calls when a descriptor is ready. Implemented by whoever owns the descriptor.
// Called on the loop's thread only.
#pragma once

#include <cstdint>

namespace pushwire::net {

class IoHandler {
 public:
  // `events` are EPOLL* bits. Edge-triggered: read or write until EAGAIN, or ask for EventLoop::run_again().
  virtual void on_io(std::uint32_t events) = 0;

 protected:
  ~IoHandler() = default;  // never deleted through this type
};

}  // namespace pushwire::net
