// Sessions through TLS: reading records, a full socket, goodbye, moving between workers.
#include <gtest/gtest.h>

#include "net/tls_test_support.h"
#include "session/session_test_support.h"

namespace pushwire::session {
namespace {

using net::test::TlsTestClient;
using test::Bench;

class ChannelSessionTls : public testing::Test {
 protected:
  explicit ChannelSessionTls(SessionOptions options = {})
      : tls_(certificates_.server({.certificates = {certificates_.make("s", "DNS:a.test")}})), bench_(options) {}

  // Shakes hands before the session begins, as the HTTP server does.
  ChannelSession* connect(std::string_view user, int send_buffer = 0, std::string_view early = "") {
    test::SocketPair sockets = test::make_sockets(SOCK_STREAM, send_buffer);
    auto connection = net::TlsConnection::make(tls_, sockets.server.get());
    client_ =
        std::make_unique<TlsTestClient>(net::Fd(sockets.client), certificates_.authority(), TlsTestClient::Options{});
    std::array<char, 64> room;
    for (int i = 0; i < 10 && !(client_->handshake() && connection->established()); ++i) {
      (void)connection->receive(std::span(room).first(1));
    }
    if (!early.empty()) {
      PW_CHECK(client_->send("x"));
      PW_CHECK(client_->send(early));
      PW_CHECK(connection->receive(room) == 1);  // and has read the rest ahead
    }
    PendingUpgrade upgrade = test::upgrade_for(user, std::move(sockets.server));
    upgrade.tls = std::move(connection);
    return bench_.manager.admit(upgrade);
  }
  std::string received() {
    bench_.turn();
    return client_->receive();
  }
  static std::string frame_bytes(std::string_view payload) {
    return std::string(websocket::encode_frame(websocket::Opcode::kText, payload).view());
  }

  net::test::Certificates certificates_;
  std::shared_ptr<const net::TlsServer> tls_;
  Bench bench_;
  std::unique_ptr<TlsTestClient> client_;
};

TEST_F(ChannelSessionTls, SendsAndReceives) {
  ChannelSession* session = connect("alice");
  ASSERT_NE(session, nullptr);
  EXPECT_TRUE(session->send_message(test::message_frame("one")));
  EXPECT_TRUE(session->send_message(test::message_frame("two")));
  EXPECT_EQ(received(), frame_bytes("one") + frame_bytes("two"));
  ASSERT_TRUE(client_->send(test::Client::frame(0x81, R"({"type":"subscribe","topic":"t"})")));
  ASSERT_TRUE(client_->send(test::Client::frame(0x81, R"({"type":"subscribe","topic":"u"})")));
  bench_.turn();
  EXPECT_EQ(bench_.events, (std::vector<std::string>{"subscribe t", "subscribe u"})) << "each record is read";
}

TEST_F(ChannelSessionTls, ReadsWhatTheWorkerBeforeHadReadAhead) {
  ASSERT_NE(connect("alice", 0, test::Client::frame(0x81, R"({"type":"subscribe","topic":"t"})")), nullptr);
  bench_.turn();
  bench_.turn();
  EXPECT_EQ(bench_.events, std::vector<std::string>{"subscribe t"}) << "no event of the socket tells of it";
}

TEST_F(ChannelSessionTls, AFullSocketHoldsBackAndLosesNothing) {
  ChannelSession* session = connect("alice", 8'192);
  std::string all;
  for (int i = 0; i < 100; ++i) {
    const std::string payload = std::to_string(i) + std::string(20'000, 'p');
    ASSERT_TRUE(session->send_message(test::message_frame(payload)));
    all += frame_bytes(payload);
    if (i % 10 == 0) {
      bench_.turn();
    }
  }
  bench_.turn();
  EXPECT_GT(bench_.stats.outbox_bytes.value(), 0);
  std::string got;
  for (int i = 0; i < 5'000 && got.size() < all.size(); ++i) {
    got += received();
  }
  EXPECT_TRUE(got == all);
  EXPECT_EQ(bench_.stats.outbox_bytes.value(), 0);
}

TEST_F(ChannelSessionTls, SaysGoodbyeInTlsToo) {
  ChannelSession* session = connect("alice");
  session->close(protocol::Disconnect::kKicked);
  const std::string goodbye = received();
  EXPECT_EQ(goodbye, websocket::encode_close(3503, protocol::reason_of(protocol::Disconnect::kKicked)).view());
  ASSERT_TRUE(client_->send(test::Client::frame(0x88, std::string("\x0d\xaf", 2))));
  bench_.turn();
  bench_.turn();
  EXPECT_EQ(bench_.manager.size(), 0U);
  EXPECT_EQ(client_->receive(), "");
  EXPECT_TRUE(client_->was_told_the_end());
}

TEST_F(ChannelSessionTls, EndsWithADamagedRecord) {
  ASSERT_NE(connect("alice"), nullptr);
  const std::string damaged = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
  ASSERT_GT(::send(client_->fd(), damaged.data(), damaged.size(), MSG_NOSIGNAL), 0);
  bench_.turn();
  bench_.turn();
  EXPECT_EQ(bench_.manager.size(), 0U);
  EXPECT_EQ(bench_.disconnects(protocol::Disconnect::kAbnormal), 1U);
}

// Many times more than a socket holds, and never read: its outbox is bounded as ever.
TEST_F(ChannelSessionTls, AClientThatReadsNothingIsSlow) {
  SessionOptions options;
  options.outbox_hard_bytes = 200'000;
  Bench small(options);
  test::SocketPair sockets = test::make_sockets(SOCK_STREAM, 8'192);
  auto connection = net::TlsConnection::make(tls_, sockets.server.get());
  TlsTestClient client(net::Fd(sockets.client), certificates_.authority(), {});
  std::array<char, 1> room;
  for (int i = 0; i < 10 && !(client.handshake() && connection->established()); ++i) {
    (void)connection->receive(room);
  }
  PendingUpgrade upgrade = test::upgrade_for("alice", std::move(sockets.server));
  upgrade.tls = std::move(connection);
  ChannelSession* session = small.manager.admit(upgrade);
  for (int i = 0; i < 100 && session->is_open(); ++i) {
    (void)session->send_message(test::message_frame(std::string(20'000, 'p')));
    small.turn();
  }
  EXPECT_EQ(small.disconnects(protocol::Disconnect::kSlowClient), 1U);
  EXPECT_GT(small.drops(metrics::DropReason::kSlowClient), 0U);
  // What was encrypted, and then the close frame, still come in order.
  std::string got;
  for (int i = 0; i < 200; ++i) {
    small.turn();
    got += client.receive();
  }
  EXPECT_TRUE(
      got.ends_with(websocket::encode_close(3008, protocol::reason_of(protocol::Disconnect::kSlowClient)).view()))
      << got.size();
}

}  // namespace
}  // namespace pushwire::session
