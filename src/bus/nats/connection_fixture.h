// A connection to a FakeServer, and the loop that it runs in. For tests.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "bus/nats/connection.h"
#include "bus/nats/fake_server.h"
#include "net/event_loop.h"

namespace pushwire::bus::nats {

class ConnectionFixture : public testing::Test, protected ConnectionOwner, protected net::TurnHandler {
 protected:
  ~ConnectionFixture() override {
    connection_.reset();
    gone_.clear();
    nats_ReleaseThreadMemory();
  }

  // The one that was open before is closed.
  void open(const FakeServer& server) {
    if (connection_) {
      connection_->close();
      gone_.push_back(std::move(connection_));
    }
    NatsSettings settings;
    settings.servers = {server.address()};
    Connector connector(settings);
    ASSERT_TRUE(connector.start());
    connector.connect();
    pollfd ready{connector.fd(), POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 10'000), 1);
    std::optional<Result<Opened>> outcome = connector.take();
    ASSERT_TRUE(outcome && *outcome);
    ConnectionOwner& self = *this;
    connection_ = std::make_unique<Connection>(loop_, self, std::move(**outcome), false);
    ASSERT_TRUE(connection_->open());
  }
  template <class Condition>
  bool turn_until(Condition&& condition, MonotonicMs most_ms = 10'000) {
    for (const MonotonicMs end = monotonic_ms() + most_ms; !condition() && monotonic_ms() < end;) {
      loop_.turn(*this, 20);
    }
    return condition();
  }
  // For what must not come although it is here already.
  void turn_some() {
    for (int i = 0; i < 5; ++i) {
      loop_.turn(*this, 20);
    }
  }

  void drain_mail() override {}
  void on_timers(MonotonicMs now) override { loop_.timers().expire(now); }
  void flush() override {
    if (connection_) {
      connection_->flush();
    }
  }
  void destroy_closed() override { gone_.clear(); }
  bool has_work() const override { return false; }

  const Library library_;  // first in, last out
  net::EventLoop loop_;
  std::unique_ptr<Connection> connection_;
  std::vector<std::unique_ptr<Connection>> gone_;  // until the end of the turn
};

}  // namespace pushwire::bus::nats
