// HTTP through TLS: what differs is below the parser.
#include <gtest/gtest.h>

#include "http/testing_server.h"
#include "net/tls_test_support.h"

namespace pushwire::http {
namespace {

using net::test::TlsTestClient;
using testing::TestServer;

class HttpTls : public ::testing::Test {
 protected:
  explicit HttpTls(const HttpLimits& limits = {}) : server_(limits) {
    server_.server.set_tls(certificates_.server({.certificates = {certificates_.make("s", "DNS:a.test")}}));
  }
  std::unique_ptr<TlsTestClient> connect(int send_buffer = 0) {
    auto client = std::make_unique<TlsTestClient>(server_.connect(send_buffer), certificates_.authority(),
                                                  TlsTestClient::Options{});
    bool done = false;
    for (int i = 0; i < 10 && !done; ++i) {
      done = client->handshake();
      server_.turns();
    }
    PW_CHECK(done);
    return client;
  }
  std::string exchange(TlsTestClient& client, std::string_view bytes) {
    PW_CHECK(client.send(bytes));
    server_.turns();
    return testing::answers_in(client.receive());
  }

  net::test::Certificates certificates_;
  TestServer server_;
};

std::string get(std::string_view path, std::string_view more = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: a.test\r\n{}\r\n", path, more);
}

TEST_F(HttpTls, AnswersRequests) {
  const auto client = connect();
  EXPECT_EQ(exchange(*client, get("/a")), "200 GET /a \n");
  EXPECT_EQ(exchange(*client, get("/b")), "200 GET /b \n");
  EXPECT_EQ(exchange(*client, get("/c") + get("/d")), "200 GET /c \n200 GET /d \n");
}

TEST_F(HttpTls, ReadsEveryRecordThatHasCome) {
  const auto client = connect();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(client->send(get("/" + std::to_string(i))));
  }
  server_.turns();
  EXPECT_EQ(server_.requests.size(), 50U);
}

TEST_F(HttpTls, WritesALargeAnswerAsTheClientReads) {
  const auto client = connect(8'192);
  ASSERT_TRUE(client->send(get("/big")));
  std::string answer;
  for (int i = 0; i < 2'000 && answer.size() < (1U << 20); ++i) {
    server_.turns(1);
    answer += client->receive();
  }
  EXPECT_GT(answer.size(), std::size_t{1} << 20);
  EXPECT_EQ(exchange(*client, get("/after")), "200 GET /after \n");
}

TEST_F(HttpTls, TellsTheEnd) {
  const auto client = connect();
  EXPECT_EQ(exchange(*client, get("/close")), "200 closed\n");
  EXPECT_TRUE(client->was_told_the_end());
}

TEST_F(HttpTls, GivesTheConnectionAwayWithWhatCameBehindTheRequest) {
  const auto client = connect();
  ASSERT_TRUE(client->send(get("/take", "Connection: Upgrade\r\nUpgrade: websocket\r\n") + "behind"));
  ASSERT_TRUE(client->send("more"));
  server_.turns();
  ASSERT_EQ(server_.taken.size(), 1U);
  TakenOver& taken = server_.taken[0];
  ASSERT_NE(taken.tls, nullptr);
  EXPECT_EQ(taken.leftover, "behind");
  std::array<char, 100> room;
  EXPECT_EQ(taken.tls->receive(room), 4) << "the next record is still to be read";
  EXPECT_EQ(taken.tls->send("answer"), 6);
  EXPECT_EQ(client->receive(), "answer");
}

TEST_F(HttpTls, ReportsAHandshakeThatFailed) {
  const net::Fd client = server_.connect();
  server_.send(client, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_EQ(server_.refused, std::vector<int>{0});
  EXPECT_EQ(server_.closed, 1);
  EXPECT_TRUE(server_.requests.empty());
  const std::string answer = TestServer::receive(client);
  EXPECT_EQ(answer.find("HTTP"), std::string::npos) << "at most an alert: " << answer.size();
}

TEST_F(HttpTls, EndsAHandshakeThatTakesTooLong) {
  const net::Fd client = server_.connect();
  server_.send(client, std::string("\x16\x03\x01\x02\x00", 5));
  server_.let_pass(10'500);
  EXPECT_EQ(server_.closed, 1);
}

TEST_F(HttpTls, AHangUpIsNoFailedHandshake) {
  { const net::Fd client = server_.connect(); }
  server_.turns();
  EXPECT_EQ(server_.closed, 1);
  EXPECT_TRUE(server_.refused.empty());
}

}  // namespace
}  // namespace pushwire::http
