// For tests only: the API of worker 0 over socket pairs, in a node whose workers are mailboxes that the test empties.
// One thread; the loop is turned by hand.
#pragma once

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/api.h"
#include "api/api_port.h"
#include "base/check.h"
#include "bus/bus.h"
#include "bus/embedded/embedded_bus.h"
#include "http/testing_server.h"

namespace pushwire::api::test {

// A bus whose outcomes the test decides: those in `now` at once, when they are used up nothing until tell().
class ScriptedBus final : public bus::Bus {
 public:
  std::string_view name() const noexcept override { return "scripted"; }
  Result<> start(bus::EnvelopeSink&, bus::PublishListener& listener) override {
    listener_ = &listener;
    return {};
  }
  std::optional<bus::PublishOutcome> publish(bus::Envelope&& envelope, bus::PublishTicket ticket) override {
    envelopes.push_back(std::move(envelope));
    if (!now.empty()) {
      const auto outcome = now.front();
      now.erase(now.begin());
      if (outcome) {
        return outcome;
      }
    }
    tickets.push_back(ticket);
    return std::nullopt;
  }
  bus::Health health() const override { return state; }
  bus::Capabilities capabilities() const override { return {}; }
  std::size_t largest_record() const noexcept override { return std::size_t{1} << 30; }
  const bus::BusCounters& counters() const noexcept override { return counts; }
  void stop() override {}
  void tell(std::size_t which, bus::PublishOutcome outcome) { listener_->on_published(tickets.at(which), outcome); }

  std::vector<std::optional<bus::PublishOutcome>> now;  // nothing: later
  std::vector<bus::Envelope> envelopes;
  std::vector<bus::PublishTicket> tickets;  // of what was not answered at once
  bus::Health state{.up = true, .reason = {}};
  bus::BusCounters counts;

 private:
  bus::PublishListener* listener_ = nullptr;
};

struct Seat {
  explicit Seat(std::size_t mailbox_bytes) : mailbox(loop, mailbox_bytes) {}
  net::EventLoop loop;
  metrics::WorkerStats stats;
  hub::WorkerMailbox mailbox;
  std::vector<hub::WorkerMail> mail;  // what came, but for answers to worker 0's API
};

class ApiRig final : public net::TurnHandler {
 public:
  static constexpr std::size_t kMailboxBytes = 1 << 20;

  explicit ApiRig(bus::Bus& bus, std::size_t workers = 1, std::size_t mailbox_bytes = kMailboxBytes)
      : seats(make_seats(workers, mailbox_bytes)),
        dedup(60'000, 100),
        router(mailboxes()),
        dispatcher(bus, router, dedup),
        view_filled_(fill(bus)),
        api(0, view, dispatcher, ids_, stats()),
        port(api, {}),
        server(seats[0]->loop, port, receive_buffer_, limits()) {
    port.attach(server);
    PW_CHECK(bus.start(dispatcher, dispatcher));
  }

  metrics::WorkerStats& stats() { return seats[0]->stats; }

  net::Fd connect() {
    std::array<int, 2> ends{};
    PW_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    PW_CHECK(server.adopt(net::Fd(ends[0])));
    return net::Fd(ends[1]);
  }
  void turns() {
    for (int i = 0; i < 4; ++i) {
      seats[0]->loop.turn(*this, 0);
    }
  }
  void send(const net::Fd& client, std::string_view bytes) {
    PW_CHECK(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    turns();
  }
  static std::string receive(const net::Fd& client) { return http::testing::TestServer::receive(client); }
  // The whole answer to a request on a connection of its own.
  std::string raw(std::string_view bytes) {
    const net::Fd client = connect();
    send(client, bytes);
    return receive(client);
  }
  // "200 body\n".
  std::string ask(std::string_view bytes) { return short_form(raw(bytes)); }
  static std::string short_form(std::string all) {
    if (all.ends_with("<end>")) {
      all.resize(all.size() - 5);
    }
    return http::testing::answers_in(all);
  }

  static std::string get(std::string_view path) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:8001\r\n\r\n", path);
  }
  static std::string post(std::string_view path, std::string_view body, std::string_view type = "application/json") {
    return fmt::format("POST {} HTTP/1.1\r\nHost: 127.0.0.1:8001\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}",
                       path, type, body.size(), body);
  }
  std::string push(std::string_view body) { return ask(post("/v1/push", body)); }

  std::uint64_t pushes(metrics::PushTarget target, metrics::PushResult result) {
    return stats().pushes[metrics::index_of(target)][metrics::index_of(result)].value();
  }
  std::uint64_t requests(std::size_t route, unsigned status) {
    for (std::size_t i = 0; i < metrics::kStatuses.size(); ++i) {
      if (metrics::kStatuses[i] == status) {
        return stats().api_requests[route][i].value();
      }
    }
    return 999;
  }

  // Empties a worker's mailbox into its `mail`.
  void collect(std::size_t worker) {
    Seat& seat = *seats[worker];
    seat.mailbox.drain([&](hub::WorkerMail&& mail) {
      if (auto* reply = std::get_if<hub::Reply>(&mail)) {
        api.on_reply(std::move(*reply));
      } else if (const auto* published = std::get_if<hub::Published>(&mail)) {
        api.on_published(*published);
      } else {
        seat.mail.push_back(std::move(mail));
      }
    });
  }
  void drain_mail() override { collect(0); }
  void on_timers(MonotonicMs now) override { seats[0]->loop.timers().expire(now); }
  void flush() override { server.flush(); }
  void destroy_closed() override { server.destroy_closed(); }
  bool has_work() const override { return false; }

  std::vector<std::unique_ptr<Seat>> seats;
  hub::NodeCounts counts;
  hub::DedupTable dedup;
  hub::Router router;
  hub::Dispatcher dispatcher;
  NodeView view;

 private:
  static http::HttpLimits limits() {
    http::HttpLimits limits;
    limits.parser.body_bytes = 4096;
    return limits;
  }
  static std::vector<std::unique_ptr<Seat>> make_seats(std::size_t workers, std::size_t mailbox_bytes) {
    std::vector<std::unique_ptr<Seat>> list;
    for (std::size_t i = 0; i < workers; ++i) {
      list.push_back(std::make_unique<Seat>(mailbox_bytes));
    }
    return list;
  }
  std::vector<hub::WorkerMailbox*> mailboxes() {
    std::vector<hub::WorkerMailbox*> list;
    for (const auto& seat : seats) {
      list.push_back(&seat->mailbox);
    }
    return list;
  }
  bool fill(const bus::Bus& bus) {
    view.name = "n\"1";
    view.version = "0.1.0";
    view.commit = "a\\b\"c\nd";
    view.io = "epoll";
    view.started_at = wall_ms() - 5'500;
    view.counts = &counts;
    view.dispatcher = &dispatcher;
    view.dedup = &dedup;
    view.bus = &bus;
    for (const auto& seat : seats) {
      view.workers.push_back({&seat->stats, &seat->mailbox, &seat->loop});
    }
    return true;
  }

  const bool view_filled_;
  session::RandomIds ids_;
  std::array<char, 64 * 1024> receive_buffer_{};

 public:
  Api api;
  ApiPort port;
  http::HttpServer server;
};

}  // namespace pushwire::api::test
