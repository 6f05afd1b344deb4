// ServerLookup: the addresses of all servers, without blocking the loop. ZooKeeper's C client would ask the resolver on
// the thread that opens a handle, and on the one that closing it waits for; with addresses it asks nobody.
// Thread: the loop's. Lifetime: loop, calls and listener outlive it; a resolver that does not answer ends by itself.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "net/endpoint.h"
#include "net/event_loop.h"
#include "net/io_handler.h"
#include "net/name_lookup.h"
#include "net/socket_calls.h"

namespace pushwire::bus {

class ServerLookup final : private net::IoHandler {
 public:
  class Listener {
   public:
    // As zookeeper_init2() takes them; not empty. The error says why there is none.
    virtual void on_addresses(Result<std::string> servers) = 0;

   protected:
    ~Listener() = default;
  };

  ServerLookup(net::EventLoop& loop, const net::SocketCalls& calls, Listener& listener)
      : loop_(loop), calls_(calls), listener_(listener) {}
  ServerLookup(const ServerLookup&) = delete;
  ServerLookup& operator=(const ServerLookup&) = delete;
  ~ServerLookup() { stop(); }

  // Requires: none is under way. Tells the listener at once when all are addresses already.
  void begin(const std::vector<net::Endpoint>& servers);
  bool is_under_way() const noexcept { return !lookups_.empty(); }
  // Tells the listener what is known, if any is, without waiting for the others.
  void hurry();
  // The listener is not told.
  void stop();

 private:
  void on_io(std::uint32_t events) override;
  void add(const net::Address& address);
  void finish();

  net::EventLoop& loop_;
  const net::SocketCalls& calls_;
  Listener& listener_;
  std::vector<net::NameLookup> lookups_;  // without an answer yet
  std::string found_;
  std::string why_;
};

}  // namespace pushwire::bus
