// For tests only: a link on a loop of its own, before a server that keeps to a script, and a journal of what it tells.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bus/redis/fake_server.h"
#include "bus/redis/redis_link.h"

namespace pushwire::bus::redis::test {

struct Journal final : LinkEvents {
  int ups = 0;
  std::string down;  // the last reason
  int downs = 0;
  std::vector<std::string> records;
  std::vector<std::string> gaps;
  std::vector<std::pair<std::uint64_t, SendResult>> sent;
  std::function<void()> when_record;

  void on_up() override {
    ++ups;
    down.clear();
  }
  void on_down(std::string_view reason) override {
    ++downs;
    down = reason;
  }
  void on_record(std::string_view bytes, std::string_view) override {
    records.emplace_back(bytes);
    if (when_record) {
      when_record();
    }
  }
  void on_sent(std::uint64_t number, SendResult result) override { sent.emplace_back(number, result); }
  void on_gap(std::string_view reason) override { gaps.emplace_back(reason); }
};

struct LinkTest : ::testing::Test, net::test::TestLoop {
  FakeServer server;
  Journal seen;
  Settings settings;
  std::unique_ptr<Link> link;

  ~LinkTest() override {
    if (link != nullptr) {
      link->close();
    }
  }
  void make(RedisMode mode, const net::SocketCalls* calls = nullptr) {
    settings.redis.mode = mode;
    settings.redis.address = server.address();
    link = make_redis_link_over(calls, loop, seen, settings);
    at_end = [this] { link->flush(); };
  }
  bool wait(const std::function<bool()>& done, MonotonicMs most_ms = 10'000) {
    return until(
        [&] {
          server.poll();
          return done();
        },
        most_ms);
  }
  bool up(RedisMode mode) {
    make(mode);
    EXPECT_TRUE(link->open());
    return wait([this] { return seen.ups == 1; });
  }
  void send(std::uint64_t number, std::string_view bytes) { link->send({number, 0, bytes}); }
};

// For what is the same in both modes.
class EachMode : public LinkTest, public ::testing::WithParamInterface<RedisMode> {};

inline std::string mode_name(const ::testing::TestParamInfo<RedisMode>& mode) {
  return mode.param == RedisMode::kPubSub ? "PubSub" : "Streams";
}

}  // namespace pushwire::bus::redis::test
