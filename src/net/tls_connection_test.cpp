#include "net/tls_connection.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "net/tls_test_support.h"

namespace pushwire::net {
namespace {

using test::Certificates;
using test::TlsPair;
using test::TlsTestClient;

class TlsConnectionTest : public testing::TestWithParam<int> {
 protected:
  TlsConnectionTest() : tls_(certificates_.server({.certificates = {certificates_.make("s", "DNS:a.test")}})) {}
  TlsPair make(SSL_SESSION* resume = nullptr) {
    return TlsPair(tls_, certificates_.authority(), {.newest = GetParam(), .resume = resume});
  }
  static void fill_socket(int fd) {
    const std::string bytes(65'536, 'x');
    while (::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
  }

  Certificates certificates_;
  std::shared_ptr<const TlsServer> tls_;
};

TEST_P(TlsConnectionTest, CarriesBytesBothWays) {
  TlsPair pair = make();
  EXPECT_FALSE(pair.server->established());
  ASSERT_TRUE(pair.shake());
  ASSERT_TRUE(pair.client->send("hello"));
  EXPECT_EQ(pair.receive(), "hello");
  EXPECT_EQ(pair.error, EAGAIN);
  EXPECT_EQ(pair.server->send("world"), 5);
  EXPECT_FALSE(pair.server->blocked());
  EXPECT_EQ(pair.client->receive(), "world");
}

TEST_P(TlsConnectionTest, TakesOneRecordOfWhatItIsGivenAtMost) {
  TlsPair pair = make();
  ASSERT_TRUE(pair.shake());
  const std::string bytes(3 * TlsConnection::kMostPerRecord, 'b');
  EXPECT_EQ(pair.server->send(bytes), static_cast<ssize_t>(TlsConnection::kMostPerRecord));
  EXPECT_EQ(pair.client->receive().size(), TlsConnection::kMostPerRecord);
}

TEST_P(TlsConnectionTest, KeepsWhatAFullSocketDoesNotTakeAndNothingMore) {
  TlsPair pair = make();
  ASSERT_TRUE(pair.shake());
  const std::string record(TlsConnection::kMostPerRecord, 'r');
  std::size_t records = 0;
  while (!pair.server->blocked() && records < 1'000) {
    ASSERT_EQ(pair.server->send(record), static_cast<ssize_t>(record.size()));
    ++records;
  }
  ASSERT_TRUE(pair.server->blocked());
  EXPECT_EQ(pair.server->send("more"), -1);
  EXPECT_EQ(errno, EAGAIN);
  std::size_t received = 0;
  for (int i = 0; i < 1'000 && received < records * record.size(); ++i) {
    received += pair.client->receive().size();
    ASSERT_TRUE(pair.server->flush());
  }
  EXPECT_EQ(received, records * record.size());
  EXPECT_FALSE(pair.server->blocked());
}

TEST_P(TlsConnectionTest, TellsTheEnd) {
  TlsPair pair = make();
  ASSERT_TRUE(pair.shake());
  pair.server->shutdown();
  EXPECT_EQ(pair.client->receive(), "");
  EXPECT_TRUE(pair.client->was_told_the_end());
}

TEST_P(TlsConnectionTest, HearsTheEnd) {
  TlsPair polite = make();
  ASSERT_TRUE(polite.shake());
  ASSERT_TRUE(polite.client->send("last"));
  SSL_shutdown(polite.client->ssl());
  EXPECT_EQ(polite.receive(), "last");
  EXPECT_EQ(polite.last, 0);
  TlsPair sudden = make();
  ASSERT_TRUE(sudden.shake());
  (void)sudden.client->receive();  // else the socket tells of what was not read
  sudden.client->close();
  EXPECT_EQ(sudden.receive(), "");
  EXPECT_EQ(sudden.last, 0) << "without close_notify, as many do";
}

TEST_P(TlsConnectionTest, RefusesWhatIsNotTls) {
  TlsPair pair = make();
  const std::string http = "GET /ws HTTP/1.1\r\nHost: a.test\r\n\r\n";
  ASSERT_EQ(::send(pair.client->fd(), http.data(), http.size(), MSG_NOSIGNAL), static_cast<ssize_t>(http.size()));
  EXPECT_EQ(pair.receive(), "");
  EXPECT_EQ(pair.error, EPROTO);
  EXPECT_FALSE(pair.server->established());
}

TEST_P(TlsConnectionTest, RefusesADamagedRecord) {
  TlsPair pair = make();
  ASSERT_TRUE(pair.shake());
  const std::string damaged("\x17\x03\x03\x00\x20", 5);
  const std::string record = damaged + std::string(32, 'x');
  ASSERT_EQ(::send(pair.client->fd(), record.data(), record.size(), MSG_NOSIGNAL), static_cast<ssize_t>(record.size()));
  EXPECT_EQ(pair.receive(), "");
  EXPECT_EQ(pair.error, EPROTO);
  EXPECT_EQ(pair.server->send("more"), -1);
}

TEST_P(TlsConnectionTest, KnowsOfRecordsThatItHasReadAhead) {
  TlsPair pair = make();
  ASSERT_TRUE(pair.shake());
  ASSERT_TRUE(pair.client->send("one"));
  ASSERT_TRUE(pair.client->send("two"));
  std::array<char, 64> room;
  ASSERT_EQ(pair.server->receive(room), 3);
  EXPECT_TRUE(pair.server->has_pending());
  EXPECT_EQ(pair.receive(), "two");
  EXPECT_FALSE(pair.server->has_pending());
}

TEST_P(TlsConnectionTest, TakesUpASessionAgain) {
  TlsPair first = make();
  ASSERT_TRUE(first.shake());
  EXPECT_EQ(first.server->send("x"), 1);
  EXPECT_EQ(first.client->receive(), "x");  // with 1.3 the ticket comes after the handshake
  SSL_SESSION* session = SSL_get1_session(first.client->ssl());
  TlsPair second = make(session);
  ASSERT_TRUE(second.shake());
  EXPECT_EQ(SSL_session_reused(second.client->ssl()), 1);
  SSL_SESSION_free(session);
}

// A client that asks for new keys again and again, and reads none of the answers.
TEST_P(TlsConnectionTest, EndsWithAClientThatMakesItSpeakWithoutEnd) {
  if (GetParam() != TLS1_3_VERSION) {
    return;  // 1.2 has no such thing, since renegotiation is refused
  }
  TlsPair pair = make();
  ASSERT_TRUE(pair.shake());
  for (int i = 0; i < 200'000 && !(pair.last == -1 && pair.error == EPROTO); ++i) {
    SSL_key_update(pair.client->ssl(), SSL_KEY_UPDATE_REQUESTED);
    (void)SSL_do_handshake(pair.client->ssl());
    pair.receive();
  }
  EXPECT_EQ(pair.error, EPROTO);
}

TEST_P(TlsConnectionTest, SurvivesAClientThatHangsUpInTheHandshake) {
  TlsPair pair = make();
  (void)pair.client->handshake();
  pair.client->close();
  EXPECT_EQ(pair.receive(), "");
  EXPECT_LE(pair.last, 0);
  pair.server->shutdown();
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsConnectionTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_3_VERSION ? "Tls13" : "Tls12"; });

}  // namespace
}  // namespace pushwire::net
