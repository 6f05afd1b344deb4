#include "server/worker.h"

#include <gtest/gtest.h>

#include "server/server_test_support.h"

namespace pushwire::server {
namespace {

using metrics::HandshakeResult;
using test::handshake;
using test::Node;

TEST(Worker, ClientMovesToTheHomeOfItsUser) {
  Node node(test::dev_config(), 2);
  const std::string user = node.user_of(1);
  const net::Fd client = node.connect(0);
  const std::string ping("\x89\x80\0\0\0\0", 6);
  const std::string answer = node.exchange(client, handshake(fmt::format("?user={}&topics=t", user)) + ping);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << answer;
  EXPECT_NE(answer.find(R"("topics":["t"])"), std::string::npos);
  EXPECT_TRUE(answer.ends_with(std::string_view("\x8a\0", 2)));  // the ping behind the request moved along
  EXPECT_EQ(node.stats(0).connections.value(), 0);
  EXPECT_EQ(node.stats(1).connections.value(), 1);
  EXPECT_EQ(node.handshakes(HandshakeResult::kAccepted, 1), 1U);
}

TEST(Worker, PushThroughOneWorkerReachesTheClientOfAnother) {
  Node node(test::dev_config(), 2);
  const net::Fd client = node.connect(0);
  (void)node.exchange(client, handshake(fmt::format("?user={}", node.user_of(1))));
  const std::string body = fmt::format(R"({{"to":{{"user":"{}"}},"data":{{"n":1}},"id":"p1"}})", node.user_of(1));
  const net::Fd caller = node.connect_api(0);
  const std::string request = fmt::format(
      "POST /v1/push HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      body.size(), body);
  const std::string answer = node.exchange(caller, request);
  EXPECT_EQ(http::testing::answers_in(answer), "200 {\"id\":\"p1\",\"accepted\":true}\n");
  EXPECT_NE(Node::receive(client).find(R"({"type":"message","id":"p1","data":{"n":1}})"), std::string::npos);
  EXPECT_EQ(node.stats(1).deliveries.value(), 1U);
}

TEST(Worker, NewClientOverTheLimitGetsItsAnswerFromTheHomeWorker) {
  Config config = test::dev_config();
  config.session.max_connections_per_user = 1;
  config.session.on_limit = OnLimit::kRejectNew;
  Node node(config, 2);
  const std::string query = fmt::format("?user={}", node.user_of(1));
  const net::Fd first = node.connect(0);
  EXPECT_TRUE(node.exchange(first, handshake(query)).starts_with("HTTP/1.1 101 "));
  const std::string answer = node.ask(handshake(query), 0);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_NE(answer.find("Retry-After: "), std::string::npos);
  EXPECT_TRUE(answer.ends_with("<end>"));
  EXPECT_EQ(node.handshakes(HandshakeResult::kTooManyConnections, 1), 1U);
}

TEST(Worker, TooManyHandshakesFirstWaitThenAreRefused) {
  Config config = test::dev_config();
  config.client.max_pending_handshakes = 2;
  Node node(config);
  std::vector<net::Fd> silent;
  silent.push_back(node.connect());
  silent.push_back(node.connect());
  EXPECT_EQ(node.stats().pending_handshakes.value(), 2);
  const net::Fd third = node.connect();  // in the kernel's queue
  EXPECT_EQ(node.exchange(third, handshake("?user=a")), "");
  EXPECT_EQ(node.stats().pending_handshakes.value(), 2);
  silent.pop_back();  // one goes: the next may come in
  node.turns();
  EXPECT_TRUE(Node::receive(third).starts_with("HTTP/1.1 101 "));
  silent.push_back(node.connect());
  const net::Fd late = node.connect();
  const MonotonicMs end = monotonic_ms() + 5'000;
  std::string answer;
  while (answer.empty() && monotonic_ms() < end) {
    node.turns_for(50);
    answer = Node::receive(late);
  }
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find(R"("code":"overloaded")"), std::string::npos);
  EXPECT_NE(answer.find("Retry-After: "), std::string::npos);
  EXPECT_EQ(node.handshakes(HandshakeResult::kOverloaded), 1U);
  EXPECT_EQ(node.stats().pending_handshakes.value(), 2);
  const std::string api = node.exchange(node.connect_api(), test::get("/healthz"));  // the API is not held up
  EXPECT_EQ(http::testing::answers_in(api), "200 {\"status\":\"ok\"}\n");
}

TEST(Worker, AStormIsLetInAtItsRateAndTheRestToldToComeBack) {
  Config config = test::dev_config();
  config.client.handshakes_per_second = 20;  // five of them at once
  Node node(config);
  std::vector<net::Fd> clients;
  int in = 0;
  int refused = 0;
  const MonotonicMs begin = monotonic_ms();
  const auto look = [&] {
    std::erase_if(clients, [&](const net::Fd& client) {
      const std::string answer = Node::receive(client);
      in += answer.starts_with("HTTP/1.1 101 ") ? 1 : 0;
      refused += answer.starts_with("HTTP/1.1 503 ") ? 1 : 0;
      return !answer.empty();
    });
  };
  while (monotonic_ms() - begin < 2'500) {
    const net::Fd& client = clients.emplace_back(node.connect());
    (void)http::testing::TestServer::write(client, handshake("?user=u" + std::to_string(in)));
    node.turns_for(5);
    look();
  }
  EXPECT_GT(in, 20) << "as many as it may, all the time";
  EXPECT_LT(in, 20 * 3 + 5 + 5);
  EXPECT_GT(refused, 50);
  EXPECT_EQ(node.handshakes(HandshakeResult::kOverloaded), static_cast<std::uint64_t>(refused));
}

TEST(Worker, SaysGoodbyeToEverybodyAndIsDrained) {
  Node node;
  const net::Fd client = node.connect();
  (void)node.exchange(client, handshake("?user=a"));
  EXPECT_FALSE(node.base().drained);
  node.view.draining = true;
  node.router.post(0, hub::Drain{1000});
  std::string close;
  const MonotonicMs end = monotonic_ms() + 5'000;
  while (close.empty() && monotonic_ms() < end) {  // the wheel's timers are coarse
    node.turns_for(20);
    close = Node::receive(client);
  }
  EXPECT_NE(close.find("\x0b\xb9shutdown"), std::string::npos);  // 3001
  EXPECT_FALSE(node.base().drained);
  (void)node.exchange(client, std::string("\x88\x82\0\0\0\0\x0b\xb9", 8));
  EXPECT_TRUE(node.base().drained);
}

TEST(Worker, NewSettingsTakeOver) {
  Config config = test::dev_config();
  Node node(config);
  config.api.keys = {"k"};
  config.client.max_connections = 1;
  node.router.post(0, hub::Reconfigure{make_settings(config, {{8000}, "http://127.0.0.1:1"}, 1).value()});
  node.turns();
  EXPECT_TRUE(node.exchange(node.connect_api(), test::get("/v1/stats")).starts_with("HTTP/1.1 401 "));
  const net::Fd first = node.connect();
  EXPECT_TRUE(node.exchange(first, handshake("?user=a")).starts_with("HTTP/1.1 101 "));
  EXPECT_TRUE(node.ask(handshake("?user=b")).starts_with("HTTP/1.1 503 "));
}

}  // namespace
}  // namespace pushwire::server
