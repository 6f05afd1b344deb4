// For tests only: the workers of a node whose loops are turned by hand, with real listeners on loopback, and clients
// that do not block. One thread. Every listener has a port of its own: the test chooses the worker that accepts.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "bus/embedded/embedded_bus.h"
#include "http/testing_server.h"
#include "net/address.h"
#include "net/listener.h"
#include "server/worker.h"

namespace pushwire::server::test {

inline Config dev_config() {
  Config config;
  config.node.name = "n1";
  config.auth.mode = AuthMode::kDev;
  config.client.listen = {{"127.0.0.1", 0}};
  config.api.listen = {{"127.0.0.1", 0}};
  return config;
}

inline net::Fd connect_to(std::uint16_t port) {
  const net::Address to = net::parse_address("127.0.0.1", port).value();
  net::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  PW_CHECK(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) == 0);
  PW_CHECK(::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0);
  return fd;
}

inline std::string get(std::string_view path, std::string_view host = "127.0.0.1:8000") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", path, host);
}

inline std::string handshake(std::string_view query, std::string_view headers = "") {
  return fmt::format(
      "GET /ws{} HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
      query, headers);
}

class Node {
 public:
  static constexpr std::uint16_t kPagePort = 8000;  // the port that dev origins are made of

  explicit Node(const Config& config = dev_config(), std::uint32_t workers = 1)
      : bases_(make_bases(workers)), router(mailboxes()), dispatcher(bus, router, dedup) {
    view.name = config.node.name;
    view.version = "0.1.0";
    view.counts = &counts;
    view.dispatcher = &dispatcher;
    view.dedup = &dedup;
    view.bus = &bus;
    PW_CHECK(bus.start(dispatcher, dispatcher));
    const auto settings = make_settings(config, {{kPagePort}, "http://127.0.0.1:8001"}, workers).value();
    for (const auto& base : bases_) {
      view.workers.push_back({&base->stats, &base->mailbox, &base->loop});
      WorkerListeners listeners;
      listeners.client.push_back(listen(client_ports_));
      listeners.api.push_back(listen(api_ports_));
      workers_.push_back(
          std::make_unique<Worker>(*base, NodeServices{view, counts, dispatcher}, settings, std::move(listeners)));
    }
  }

  metrics::WorkerStats& stats(std::size_t worker = 0) { return bases_[worker]->stats; }
  std::uint64_t handshakes(metrics::HandshakeResult result, std::size_t worker = 0) {
    return stats(worker).handshakes[metrics::index_of(result)].value();
  }
  WorkerBase& base(std::size_t worker = 0) { return *bases_[worker]; }

  void turns(int count = 6) {
    for (int i = 0; i < count; ++i) {
      for (std::size_t worker = 0; worker < bases_.size(); ++worker) {
        bases_[worker]->loop.turn(*workers_[worker], 0);
      }
    }
  }
  // Turns for so long in real time.
  void turns_for(MonotonicMs ms) {
    const MonotonicMs end = monotonic_ms() + ms;
    while (monotonic_ms() < end) {
      bases_[0]->loop.turn(*workers_[0], 10);
      turns(1);
    }
  }
  net::Fd connect(std::size_t worker = 0) {
    net::Fd fd = connect_to(client_ports_[worker]);
    turns();
    return fd;
  }
  net::Fd connect_api(std::size_t worker = 0) { return connect_to(api_ports_[worker]); }
  std::uint16_t client_port(std::size_t worker = 0) const { return client_ports_[worker]; }

  std::string exchange(const net::Fd& client, std::string_view bytes) {
    PW_CHECK(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    turns();
    return receive(client);
  }
  static std::string receive(const net::Fd& client) { return http::testing::TestServer::receive(client); }
  // On a connection of its own.
  std::string ask(std::string_view bytes, std::size_t worker = 0) { return exchange(connect(worker), bytes); }
  int status(std::string_view bytes) {
    last = ask(bytes);
    return last.starts_with("HTTP/1.1 ") ? std::stoi(last.substr(9, 3)) : 0;
  }
  bool last_has(std::string_view text) const { return last.find(text) != std::string::npos; }
  // A user who lives on this worker.
  std::string user_of(std::uint32_t worker) const {
    for (int i = 0;; ++i) {
      if (router.home_worker(fmt::format("user{}", i)) == worker) {
        return fmt::format("user{}", i);
      }
    }
  }

 private:
  std::vector<std::unique_ptr<WorkerBase>> make_bases(std::uint32_t workers) {
    std::vector<std::unique_ptr<WorkerBase>> list;
    for (std::uint32_t i = 0; i < workers; ++i) {
      list.push_back(std::make_unique<WorkerBase>(i, std::size_t{1} << 20));
    }
    return list;
  }
  std::vector<hub::WorkerMailbox*> mailboxes() {
    std::vector<hub::WorkerMailbox*> list;
    for (const auto& base : bases_) {
      list.push_back(&base->mailbox);
    }
    return list;
  }
  static net::Fd listen(std::vector<std::uint16_t>& ports) {
    net::Fd fd = net::listen_on(net::parse_address("127.0.0.1", 0).value(), {}).value();
    ports.push_back(net::local_address(fd.get()).port());
    return fd;
  }

  std::vector<std::uint16_t> client_ports_;
  std::vector<std::uint16_t> api_ports_;
  std::vector<std::unique_ptr<WorkerBase>> bases_;

 public:
  bus::EmbeddedBus bus;
  hub::NodeCounts counts;
  hub::DedupTable dedup{60'000, 100};
  hub::Router router;
  hub::Dispatcher dispatcher;
  api::NodeView view;
  std::string last;  // answer of status()

 private:
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace pushwire::server::test
