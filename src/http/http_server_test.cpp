#include "http/http_server.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/testing_server.h"

namespace pushwire::http {
namespace {

using testing::answers_in;
using testing::TestServer;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kLater = "GET /later HTTP/1.1\r\nHost: h\r\n\r\n";

// Memory per connection is designed: at rest it is this object and no buffer.
static_assert(sizeof(HttpConnection) <= 192);

TEST(HttpServer, StaleTicketsFindNothing) {
  TestServer test;
  net::Fd client = test.connect();
  test.send(client, kLater);
  const ConnectionTicket old = test.waiting.at(0);
  ASSERT_NE(test.server.find(old), nullptr);
  client.reset();
  test.turns();
  EXPECT_EQ(test.server.find(old), nullptr);
  const net::Fd next = test.connect();
  test.send(next, kLater);
  const ConnectionTicket fresh = test.waiting.at(1);
  EXPECT_EQ(fresh.slot, old.slot) << "the slot is used again";
  EXPECT_EQ(test.server.find(old), nullptr);
  EXPECT_NE(test.server.find(fresh), nullptr);
  EXPECT_EQ(test.server.find({1000, 0}), nullptr);
}

TEST(HttpServer, ShutdownClosesAll) {
  TestServer test;
  const net::Fd one = test.connect();
  const net::Fd two = test.connect();
  test.send(two, kLater);
  test.server.shutdown();
  test.turns();
  EXPECT_EQ(test.receive(one), "<end>");
  EXPECT_EQ(test.closed, 2);
  EXPECT_EQ(test.abandoned, 1);
  EXPECT_EQ(test.server.open_count(), 0U);
}

// The address sanitizer sees it if the loop still calls one that has gone.
TEST(HttpServer, ConnectionThatWasToRunAgainMayGo) {
  TestServer test;
  const net::Fd client = test.connect();
  std::string many;
  for (int i = 0; i < 100; ++i) {
    many += kGet;
  }
  TestServer::write(client, many);
  test.turns(1);
  test.server.shutdown();
  test.server.destroy_closed();
  test.turns();
  EXPECT_EQ(test.requests.size(), 64U);
}

TEST(HttpServer, NewLimitsHoldForLaterRequests) {
  TestServer test;
  const net::Fd client = test.connect();
  test.exchange(client, kGet);
  HttpLimits limits;
  limits.parser.body_bytes = 1;
  test.server.set_limits(limits);
  const std::string answer =
      answers_in(test.exchange(client, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"));
  EXPECT_TRUE(answer.starts_with("413 ")) << answer;
}

TEST(HttpServer, ServesManyAtOnce) {
  TestServer test;
  std::vector<net::Fd> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(test.connect());
    TestServer::write(clients.back(), kGet);
  }
  test.turns();
  for (const net::Fd& client : clients) {
    EXPECT_EQ(answers_in(test.receive(client)), "200 GET /a \n");
  }
  clients.clear();
  test.turns();
  EXPECT_EQ(test.server.open_count(), 0U);
}

TEST(HttpServer, DestroysNothingThatIsStillOpenOnlyAtItsOwnEnd) {
  net::Fd client;
  {
    TestServer test;
    client = test.connect();
    test.send(client, kLater);
  }
  EXPECT_EQ(TestServer::receive(client), "<end>");
}

}  // namespace
}  // namespace pushwire::http
