// A link, what it tells, and the loop that both run in. For tests.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bus/rocketmq/fake_broker.h"
#include "bus/rocketmq/rocketmq_link.h"
#include "net/event_loop.h"

namespace pushwire::bus::rocketmq {

class LinkFixture : public testing::Test, protected LinkEvents, protected net::TurnHandler {
 protected:
  struct Sent {
    std::uint64_t number;
    SendResult result;
    bool operator==(const Sent&) const = default;
  };

  ~LinkFixture() override {
    if (link) {
      link->close();
    }
  }

  void on_up() override { is_up = true; }
  void on_down(std::string_view why) override {
    is_up = false;
    reason = why;
  }
  void on_record(std::string_view bytes, std::string_view source) override {
    records.emplace_back(bytes);
    sources.emplace_back(source);
  }
  void on_sent(std::uint64_t number, SendResult result) override { sent.push_back({number, result}); }
  void on_gap(std::string_view why) override { gaps.emplace_back(why); }

  void drain_mail() override {}
  void on_timers(MonotonicMs now) override { loop.timers().expire(now); }
  void flush() override { link->flush(); }
  void destroy_closed() override { link->release(); }
  bool has_work() const override { return false; }

  Result<> open() {
    settings.rocketmq.name_servers = {broker.address()};
    return open_as_set();
  }
  Result<> open_as_set() {
    link = make_rocketmq_link(loop, *this, settings);
    return link->open();
  }
  // Turns until it is so. The limit is for a test that fails.
  bool wait(const std::function<bool()>& is_so, MonotonicMs most = 20'000) {
    for (const MonotonicMs end = monotonic_ms() + most; !is_so() && monotonic_ms() < end;) {
      loop.turn(*this, 2);
      broker.poll();
      other.poll();
    }
    return is_so();
  }
  bool wait_up() {
    return wait([this] { return is_up; });
  }
  bool wait_down() {
    return wait([this] { return !is_up; });
  }
  void send(std::uint64_t number, std::uint64_t lane, std::string_view bytes) { link->send({number, lane, bytes}); }

  net::EventLoop loop;
  Settings settings;
  FakeBroker broker;
  FakeBroker other;
  std::unique_ptr<Link> link;
  bool is_up = false;
  std::string reason;
  std::vector<std::string> records;
  std::vector<std::string> sources;
  std::vector<Sent> sent;
  std::vector<std::string> gaps;
};

}  // namespace pushwire::bus::rocketmq
