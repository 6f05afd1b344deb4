#include "server/client_port.h"

#include <gtest/gtest.h>

#include "server/server_test_support.h"

namespace pushwire::server {
namespace {

using metrics::HandshakeResult;
using test::get;
using test::handshake;
using test::Node;

Config jwt_config() {
  Config config = test::dev_config();
  config.auth.mode = AuthMode::kJwt;
  config.auth.hmac_secret = std::string(32, 's');
  return config;
}

TEST(ClientPort, WelcomesAUserAndCountsIt) {
  Node node;
  const net::Fd client = node.connect();
  const std::string answer = node.exchange(client, handshake("?user=alice"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << answer;
  EXPECT_NE(answer.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos);
  EXPECT_NE(answer.find(R"({"type":"welcome","session":")"), std::string::npos);
  EXPECT_NE(answer.find(R"("user":"alice","node":"n1")"), std::string::npos);
  EXPECT_EQ(node.handshakes(HandshakeResult::kAccepted), 1U);
  EXPECT_EQ(node.stats().connections.value(), 1);
  EXPECT_EQ(node.stats().pending_handshakes.value(), 0);
}

TEST(ClientPort, RefusalsComeBefore101AndEndTheConnection) {
  Node node;
  EXPECT_EQ(node.status(handshake("")), 401);
  EXPECT_TRUE(node.last.ends_with("<end>"));
  EXPECT_TRUE(node.last_has("Connection: close\r\n"));
  EXPECT_EQ(node.status(get("/ws?user=alice")), 426);
  EXPECT_EQ(node.status("POST /ws?user=a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"), 405);
  EXPECT_TRUE(node.last_has("Allow: GET\r\n"));
  EXPECT_EQ(node.status(handshake("?user=a", "Content-Length: 1\r\n") + "x"), 400);
  EXPECT_EQ(node.status(handshake("?user=a", "Origin: http://evil.example\r\n")), 403);
  EXPECT_EQ(node.status("NONSENSE\r\n\r\n"), 400);
  EXPECT_EQ(node.handshakes(HandshakeResult::kUserMissing), 1U);
  EXPECT_EQ(node.handshakes(HandshakeResult::kUpgradeRequired), 1U);
  EXPECT_EQ(node.handshakes(HandshakeResult::kMethodNotAllowed), 1U);
  EXPECT_EQ(node.handshakes(HandshakeResult::kOriginForbidden), 1U);
  EXPECT_EQ(node.handshakes(HandshakeResult::kBadRequest), 2U);
  EXPECT_EQ(node.stats().connections.value(), 0);
}

TEST(ClientPort, ARefusedHandshakeIsNotFollowedByAnotherRequest) {
  Node node;
  const std::string all = node.ask(handshake("", "") + handshake("?user=alice"));
  EXPECT_TRUE(all.starts_with("HTTP/1.1 401 ")) << all;
  EXPECT_EQ(all.find("HTTP/1.1", 1), std::string::npos);
  EXPECT_EQ(node.stats().connections.value(), 0);
}

TEST(ClientPort, DevOriginsMayConnect) {
  Node node;
  EXPECT_EQ(node.status(handshake("?user=a", "Origin: http://127.0.0.1:8000\r\n")), 101);
  EXPECT_EQ(node.status(handshake("?user=a", "Origin: http://localhost:8000\r\n")), 101);
  EXPECT_EQ(node.status(handshake("?user=a", "Origin: http://localhost:8001\r\n")), 403);
}

TEST(ClientPort, WithTokensThereIsNoPageAndNoUserByName) {
  Node node(jwt_config());
  for (const std::string_view path :
       {"/", "/try.js", "/dev/api/info", "/dev/api/v1/stats", "/healthz", "/metrics", "/v1/push"}) {
    EXPECT_EQ(node.status(get(path)), 404) << path;
    EXPECT_TRUE(node.last_has("Connection: close\r\n"));
  }
  EXPECT_EQ(node.status("POST /v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"), 404);
  EXPECT_EQ(node.handshakes(HandshakeResult::kNotFound), 8U);
  EXPECT_EQ(node.status(handshake("?user=alice")), 401);
  EXPECT_EQ(node.handshakes(HandshakeResult::kTokenMissing), 1U);
  EXPECT_EQ(node.status(handshake("?token=a.b.c")), 401);
  EXPECT_EQ(node.status(handshake("", "Origin: http://127.0.0.1:8000\r\n")), 403);  // no dev origin here
}

TEST(ClientPort, NobodyComesInWhileDrainingOrFull) {
  Config config = test::dev_config();
  config.client.max_connections = 1;
  Node node(config);
  {
    const net::Fd first = node.connect();
    EXPECT_TRUE(node.exchange(first, handshake("?user=a")).starts_with("HTTP/1.1 101 "));
    EXPECT_EQ(node.status(handshake("?user=b")), 503);
    EXPECT_TRUE(node.last_has("Retry-After: "));
    EXPECT_TRUE(node.last_has(R"("code":"full")"));
  }
  node.turns();
  EXPECT_EQ(node.status(handshake("?user=b")), 101);  // the place is free again
  node.turns();
  node.view.draining = true;
  EXPECT_EQ(node.status(handshake("?user=c")), 503);
  EXPECT_TRUE(node.last_has(R"("code":"draining")"));
  EXPECT_EQ(node.handshakes(HandshakeResult::kFull), 1U);
  EXPECT_EQ(node.handshakes(HandshakeResult::kDraining), 1U);
}

TEST(ClientPort, APlaceIsGivenBackWhenTheUsersLimitRefuses) {
  Config config = test::dev_config();
  config.client.max_connections = 2;
  config.session.max_connections_per_user = 1;
  config.session.on_limit = OnLimit::kRejectNew;
  Node node(config);
  const net::Fd first = node.connect();
  EXPECT_TRUE(node.exchange(first, handshake("?user=a")).starts_with("HTTP/1.1 101 "));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(node.status(handshake("?user=a")), 429);
    EXPECT_TRUE(node.last_has(R"("code":"too_many_connections")"));
    EXPECT_TRUE(node.last.ends_with("<end>"));
  }
  EXPECT_EQ(node.status(handshake("?user=b")), 101);
}

}  // namespace
}  // namespace pushwire::server
