#include "server/gateway.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>

#include "server/server_test_support.h"

namespace pushwire::server {
namespace {

using test::handshake;

constexpr MonotonicMs kPatienceMs = 20'000;

Config two_workers() {
  Config config = test::dev_config();
  config.node.workers = 2;
  config.heartbeat.interval = std::chrono::hours(1);
  config.heartbeat.timeout = std::chrono::hours(2);
  return config;
}

std::uint16_t port_in(std::string_view line) {
  const std::size_t colon = line.rfind(':');
  return static_cast<std::uint16_t>(std::stoi(std::string(line.substr(colon + 1))));
}

// What comes until `part` is in it, the stream ends or patience does.
std::string receive_until(const net::Fd& client, std::string_view part) {
  const MonotonicMs end = monotonic_ms() + kPatienceMs;
  std::string all;
  while (all.find(part) == std::string::npos && !all.ends_with("<end>") && monotonic_ms() < end) {
    all += http::testing::TestServer::receive(client);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return all;
}

// A bus in the test's hand: what it is given waits until the test says how it ended.
class HeldBus final : public bus::Bus {
 public:
  static constexpr std::string_view kReason = "bus.redis.address: nobody listens";

  std::string_view name() const noexcept override { return "held"; }
  Result<> start(bus::EnvelopeSink&, bus::PublishListener& listener) override {
    listener_ = &listener;
    return {};
  }
  std::optional<bus::PublishOutcome> publish(bus::Envelope&&, bus::PublishTicket ticket) override {
    if (!up) {
      return bus::PublishOutcome::kUnavailable;
    }
    const std::lock_guard lock(mutex_);
    tickets_.push_back(ticket);
    counters_.waiting_bytes.fetch_add(1);
    return std::nullopt;
  }
  void settle(bus::PublishOutcome outcome) {
    const std::lock_guard lock(mutex_);
    for (const bus::PublishTicket ticket : tickets_) {
      listener_->on_published(ticket, outcome);
      counters_.waiting_bytes.fetch_sub(1);
    }
    tickets_.clear();
  }
  bus::Health health() const override { return {up.load(), std::string(up ? "" : kReason)}; }
  bus::Capabilities capabilities() const override { return {}; }
  std::size_t largest_record() const noexcept override { return 1'000; }
  const bus::BusCounters& counters() const noexcept override { return counters_; }
  void stop() override {
    up = false;
    settle(bus::PublishOutcome::kUnavailable);
  }

  std::atomic<bool> up{true};

 private:
  std::mutex mutex_;
  std::vector<bus::PublishTicket> tickets_;
  bus::PublishListener* listener_ = nullptr;
  bus::BusCounters counters_;
};

class GatewayTest : public ::testing::Test {
 protected:
  void start(Config config) { start(std::move(config), std::make_unique<bus::EmbeddedBus>()); }
  void start(Config config, std::unique_ptr<bus::Bus> bus) {
    gateway_ = std::make_unique<Gateway>(std::move(config), std::move(bus));
    const auto started = gateway_->start();
    ASSERT_TRUE(started) << started.error().message;
    ASSERT_EQ(gateway_->listener_lines().size(), 2U);
    client_port_ = port_in(gateway_->listener_lines()[0]);
    api_port_ = port_in(gateway_->listener_lines()[1]);
  }
  static std::string ask(std::uint16_t port, std::string_view bytes) {
    const net::Fd fd = test::connect_to(port);
    (void)http::testing::TestServer::write(fd, bytes);
    return receive_until(fd, "\r\n\r\n");
  }
  net::Fd client(std::string_view user) {
    net::Fd fd = test::connect_to(client_port_);
    (void)http::testing::TestServer::write(fd, handshake(fmt::format("?user={}&topics=t", user)));
    const std::string answer = receive_until(fd, R"("topics":["t"]})");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << answer;
    return fd;
  }
  std::string push(std::string_view to, std::string_view id, std::string_view key = "") {
    const std::string body = fmt::format(R"({{"to":{},"data":1,"id":"{}"}})", to, id);
    const std::string authorization = key.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", key);
    return ask(api_port_, fmt::format("POST /v1/push HTTP/1.1\r\nHost: localhost\r\n{}"
                                      "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                                      authorization, body.size(), body));
  }
  HeldBus& start_held() {
    auto bus = std::make_unique<HeldBus>();
    HeldBus& held = *bus;
    start(two_workers(), std::move(bus));
    return held;
  }
  // A push whose answer has to wait for the bus.
  net::Fd push_and_wait() {
    net::Fd fd = test::connect_to(api_port_);
    (void)http::testing::TestServer::write(
        fd,
        "POST /v1/push HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 28\r\n\r\n"
        R"({"to":{"all":true},"data":1})");
    const MonotonicMs end = monotonic_ms() + kPatienceMs;
    while (gateway_->settled() && monotonic_ms() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_FALSE(gateway_->settled());
    return fd;
  }
  bool wait_drained() const {
    const MonotonicMs end = monotonic_ms() + kPatienceMs;
    while (!gateway_->drained() && monotonic_ms() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return gateway_->drained();
  }

  std::unique_ptr<Gateway> gateway_;
  std::uint16_t client_port_ = 0;
  std::uint16_t api_port_ = 0;
};

TEST_F(GatewayTest, NamesTheRealPortsOfItsListeners) {
  start(two_workers());
  EXPECT_EQ(gateway_->listener_lines()[0], fmt::format("clients on ws://127.0.0.1:{}/ws", client_port_));
  EXPECT_EQ(gateway_->listener_lines()[1], fmt::format("api on http://127.0.0.1:{}", api_port_));
  EXPECT_NE(client_port_, 0);
  EXPECT_NE(client_port_, api_port_);
  EXPECT_TRUE(ask(api_port_, test::get("/readyz", "localhost")).starts_with("HTTP/1.1 200 "));
}

TEST_F(GatewayTest, StopsWithoutEverHavingStarted) {
  const Gateway never(two_workers(), std::make_unique<bus::EmbeddedBus>());
  EXPECT_FALSE(never.drained());
  EXPECT_EQ(never.connections(), 0);
}

TEST_F(GatewayTest, EveryPushReachesEveryUserOnceWhicheverWorkerTookIt) {
  start(two_workers());
  std::vector<net::Fd> clients;
  for (int i = 0; i < 16; ++i) {
    clients.push_back(client(fmt::format("user{}", i)));
  }
  EXPECT_EQ(gateway_->connections(), 16);
  for (int i = 0; i < 16; ++i) {
    EXPECT_TRUE(push(fmt::format(R"({{"user":"user{}"}})", i), fmt::format("u{}", i)).starts_with("HTTP/1.1 200 "));
  }
  EXPECT_TRUE(push(R"({"topic":"t"})", "t1").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(push(R"({"all":true})", "end").starts_with("HTTP/1.1 200 "));
  for (int i = 0; i < 16; ++i) {
    const std::string all = receive_until(clients[static_cast<std::size_t>(i)], R"("id":"end")");
    const std::size_t own = all.find(fmt::format(R"("id":"u{}")", i));
    EXPECT_NE(own, std::string::npos) << all;
    EXPECT_EQ(all.find(R"("id":"u)", own + 1), std::string::npos) << all;
    EXPECT_NE(all.find(R"("id":"t1")"), std::string::npos) << all;
  }
}

TEST_F(GatewayTest, ASecondOneOnTheSamePortFailsAndNamesTheAddress) {
  start(two_workers());
  for (const bool client_side : {true, false}) {
    Config config = two_workers();
    const std::uint16_t port = client_side ? client_port_ : api_port_;
    (client_side ? config.client.listen : config.api.listen) = {{"127.0.0.1", port}};
    Gateway second(config, std::make_unique<bus::EmbeddedBus>());
    const auto started = second.start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().message, fmt::format("cannot listen on 127.0.0.1:{}: Address already in use", port));
  }
  EXPECT_TRUE(ask(api_port_, test::get("/healthz", "localhost")).starts_with("HTTP/1.1 200 "));
}

TEST_F(GatewayTest, DrainTellsEverybodyRefusesNewOnesAndEnds) {
  start(two_workers());
  std::vector<net::Fd> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(client(fmt::format("user{}", i)));
  }
  gateway_->drain();
  for (const net::Fd& fd : clients) {
    EXPECT_NE(receive_until(fd, "shutdown").find("\x0b\xb9shutdown"), std::string::npos);
  }
  EXPECT_TRUE(ask(client_port_, handshake("?user=late")).starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(push(R"({"all":true})", "late").starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(ask(api_port_, test::get("/readyz", "localhost")).starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(ask(api_port_, test::get("/healthz", "localhost")).starts_with("HTTP/1.1 200 "));
  clients.clear();
  EXPECT_TRUE(wait_drained());
  EXPECT_EQ(gateway_->connections(), 0);
}

TEST_F(GatewayTest, IsReadyWhileItsBusIsUpAndSaysWhyNot) {
  HeldBus& bus = start_held();
  bus.up = false;
  EXPECT_EQ(gateway_->bus_health().reason, HeldBus::kReason);
  const net::Fd fd = test::connect_to(api_port_);
  (void)http::testing::TestServer::write(fd, test::get("/readyz", "localhost"));
  const std::string answer = receive_until(fd, HeldBus::kReason);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find(HeldBus::kReason), std::string::npos) << answer;
  EXPECT_TRUE(push(R"({"all":true})", "x").starts_with("HTTP/1.1 503 "));
  const net::Fd still = client("alice");  // who comes is let in: the bus may be back soon
  bus.up = true;
  EXPECT_TRUE(ask(api_port_, test::get("/readyz", "localhost")).starts_with("HTTP/1.1 200 "));
}

TEST_F(GatewayTest, ACallerIsAnsweredWhenTheBusHasSpokenThoughTheNodeDrains) {
  HeldBus& bus = start_held();
  const net::Fd caller = push_and_wait();
  gateway_->drain();
  EXPECT_TRUE(wait_drained());
  EXPECT_FALSE(gateway_->settled());
  EXPECT_TRUE(push(R"({"all":true})", "late").starts_with("HTTP/1.1 503 "));
  bus.settle(bus::PublishOutcome::kAccepted);
  EXPECT_TRUE(gateway_->settled());
  EXPECT_TRUE(receive_until(caller, "accepted").starts_with("HTTP/1.1 200 "));
}

TEST_F(GatewayTest, WhoStillWaitsForTheBusWhenTheNodeStopsIsToldSo) {
  start_held();
  const net::Fd caller = push_and_wait();
  gateway_.reset();
  EXPECT_TRUE(receive_until(caller, "unavailable").starts_with("HTTP/1.1 503 "));
}

TEST_F(GatewayTest, ReloadChangesKeysAndLimitsWhileItRuns) {
  start(two_workers());
  const net::Fd old = client("alice");
  Config fresh = two_workers();
  fresh.api.keys = {"k"};
  fresh.client.max_connections = 1;
  fresh.client.path = "/other";  // needs a restart
  const auto done = gateway_->reload(fresh);
  ASSERT_TRUE(done) << done.error().message;
  const MonotonicMs end = monotonic_ms() + kPatienceMs;
  while (push(R"({"all":true})", "x").starts_with("HTTP/1.1 200 ") && monotonic_ms() < end) {
  }
  // Each worker takes its mail on its own, so a few more calls may meet the other one.
  int refused = 0;
  for (int i = 0; refused < 8 && monotonic_ms() < end; ++i) {
    refused = push(R"({"all":true})", "x").starts_with("HTTP/1.1 401 ") ? refused + 1 : 0;
  }
  EXPECT_EQ(refused, 8);
  EXPECT_TRUE(push(R"({"all":true})", "y", "k").starts_with("HTTP/1.1 200 "));
  EXPECT_NE(receive_until(old, R"("id":"y")").find(R"("id":"y")"), std::string::npos);  // who was there stays
  EXPECT_TRUE(ask(client_port_, handshake("?user=bob")).starts_with("HTTP/1.1 503 "));
}

TEST_F(GatewayTest, AReloadThatFailsChangesNothing) {
  Config config = two_workers();
  config.api.keys = {"k"};
  start(config);
  config.api.keys = {"other"};
  config.client.allowed_origins = {"nonsense"};
  EXPECT_FALSE(gateway_->reload(config));
  EXPECT_TRUE(push(R"({"all":true})", "x", "k").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(push(R"({"all":true})", "x", "other").starts_with("HTTP/1.1 401 "));
}

TEST(GatewayReload, KeysDoNotGoAwayUnderAPublicListener) {
  Config config = two_workers();
  config.api.keys = {"k"};
  config.api.listen = {{"0.0.0.0", 0}};
  Gateway gateway(config, std::make_unique<bus::EmbeddedBus>());  // not started: nothing listens in this test
  config.api.keys.clear();
  config.api.listen = {{"127.0.0.1", 0}};  // a good file, but the listener would stay where it is
  const auto done = gateway.reload(config);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("api."), std::string::npos) << done.error().message;
}

}  // namespace
}  // namespace pushwire::server
