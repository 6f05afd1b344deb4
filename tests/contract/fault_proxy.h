// FaultProxy: stands between a bus and its server on loopback and cuts every connection at a chosen moment.
// It listens on 127.0.0.2, at the port that the server has on 127.0.0.1, so that a server which tells clients its
// address (--advertise 127.0.0.2) sends them here as well. One thread of its own; the rest on any.
#pragma once

#include <atomic>
#include <cstddef>
#include <list>
#include <thread>
#include <vector>

#include "net/fd.h"

namespace pushwire::bus {

class FaultProxy {
 public:
  explicit FaultProxy(const std::vector<int>& ports);
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;
  ~FaultProxy();

  // Lets `chunks` more reads of either direction through, then cuts all connections, in the middle of the next chunk,
  // and refuses new ones until heal(). Every second time with a reset.
  void cut_after(std::size_t chunks);
  bool has_cut() const noexcept { return broken_.load(); }
  void heal();
  std::size_t chunks() const noexcept { return seen_.load(); }

 private:
  struct Way {
    net::Fd client;
    net::Fd server;
  };
  static constexpr std::size_t kNever = ~std::size_t{0};

  void run();
  void accept_from(std::size_t listener);
  // False when the way has ended.
  bool carry(const Way& way, const net::Fd& from, const net::Fd& to);

  std::vector<int> ports_;
  std::vector<net::Fd> listeners_;
  std::list<Way> ways_;  // the thread's
  std::atomic<std::size_t> left_{kNever};
  std::atomic<std::size_t> seen_{0};
  std::atomic<bool> broken_{false};
  std::atomic<bool> with_reset_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace pushwire::bus
