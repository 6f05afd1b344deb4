#include "server/refused_sockets.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "http/testing_server.h"

namespace pushwire::server {
namespace {

using http::testing::TestServer;

class RefusedSocketsTest : public ::testing::Test {
 protected:
  // The client's end.
  net::Fd refuse(std::string_view answer, int type = SOCK_STREAM) {
    std::array<int, 2> ends{};
    PW_CHECK(::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    net::Fd client(ends[1]);
    (void)TestServer::write(client, "GET / HTTP/1.1\r\n\r\n");
    refused_.refuse(net::Fd(ends[0]), nullptr, answer);
    return client;
  }
  void expire(MonotonicMs ms) { loop_.timers().expire(loop_.now() + ms); }
  static bool writable(const net::Fd& client) { return TestServer::write(client, "x") == 1; }

  net::EventLoop loop_;
  RefusedSockets refused_{loop_};
};

TEST_F(RefusedSocketsTest, AnswerIsReadableAndTheSocketStaysForASecond) {
  const net::Fd client = refuse("HTTP/1.1 503 no\r\n\r\n");
  EXPECT_EQ(TestServer::receive(client), "HTTP/1.1 503 no\r\n\r\n<end>");
  EXPECT_EQ(refused_.size(), 1U);
  expire(900);
  EXPECT_EQ(refused_.size(), 1U);
  EXPECT_TRUE(writable(client));
  expire(1'600);
  EXPECT_EQ(refused_.size(), 0U);
  EXPECT_FALSE(writable(client));
}

TEST_F(RefusedSocketsTest, EachGoesInItsTurn) {
  const net::Fd first = refuse("1");
  expire(1'600);
  EXPECT_EQ(refused_.size(), 0U);
  const net::Fd second = refuse("2");  // the timer is armed anew after all were gone
  EXPECT_EQ(refused_.size(), 1U);
  expire(4'000);
  EXPECT_EQ(refused_.size(), 0U);
  EXPECT_EQ(TestServer::receive(second).substr(0, 1), "2");
}

TEST_F(RefusedSocketsTest, TheOldestGoesWhenThereAreTooMany) {
  constexpr std::size_t kMost = 1024;
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_GT(limit.rlim_cur, 2 * kMost + 100);
  std::vector<net::Fd> clients;
  while (clients.size() < kMost) {
    clients.push_back(refuse("no"));
  }
  EXPECT_TRUE(writable(clients[0]));
  clients.push_back(refuse("no"));
  EXPECT_EQ(refused_.size(), kMost);
  EXPECT_FALSE(writable(clients[0]));
  EXPECT_TRUE(writable(clients[1]));
}

TEST_F(RefusedSocketsTest, AClientWhoHasGoneIsNoSignal) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  net::Fd(ends[1]).reset();
  refused_.refuse(net::Fd(ends[0]), nullptr, "answer");
  expire(1'600);
  EXPECT_EQ(refused_.size(), 0U);
}

}  // namespace
}  // namespace pushwire::server
