#include "session/channel_session.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>
#include <vector>

#include "protocol/server_message.h"
#include "session/session_test_support.h"

namespace pushwire::session {
namespace {

using protocol::Disconnect;
using test::Bench;
using test::Client;
using test::Connected;
using Frames = std::vector<std::string>;

constexpr std::string_view kPong = R"(text {"type":"pong"})";

class ChannelSessionTest : public testing::Test {
 protected:
  // What the client has got when the gateway has read and answered what it sent.
  Frames answer() {
    bench_.turn();
    return alice_.client.frames();
  }
  Client& client() { return alice_.client; }
  ChannelSession& session() { return *alice_.session; }

  Bench bench_;
  Connected alice_{bench_, "alice"};
};

TEST(ChannelSessionGreeting, LeavesAsOneWriteWithWhateverElseTheTurnBrought) {
  Bench bench;
  Connected alice(bench, "alice", SOCK_SEQPACKET);
  alice.session->greet("HTTP/1.1 101 Switching Protocols\r\n\r\n", "{\"type\":\"welcome\"}");
  alice.session->send_text("{}");
  alice.session->send_message(test::message_frame("m1"));
  alice.session->send_message(test::message_frame("m2"));
  bench.turn();
  alice.client.read();
  EXPECT_EQ(alice.client.reads(), 1U);
  EXPECT_EQ(alice.client.take_bytes(),
            "HTTP/1.1 101 Switching Protocols\r\n\r\n"
            "\x81\x12{\"type\":\"welcome\"}\x81\x02{}\x81\x02m1\x81\x02m2");
}

TEST(ChannelSessionGreeting, SaysNothingOfItsOwnToARawClient) {
  Bench bench;
  test::SocketPair sockets = test::make_sockets(SOCK_STREAM, 0);
  Client client(sockets.client);
  PendingUpgrade upgrade = test::upgrade_for("alice", std::move(sockets.server));
  upgrade.format = MessageFormat::kRaw;
  ChannelSession* session = bench.manager.admit(upgrade);
  session->greet("101\r\n\r\n", "{\"type\":\"welcome\"}");
  session->send_text("{}");
  client.text(R"({"type":"ping"})");
  client.text("nonsense");
  client.ping("x");
  bench.turn();
  client.read();
  EXPECT_EQ(client.take_bytes(), "101\r\n\r\n\x8a\x01x") << "only the handshake and WebSocket's own pong";
}

TEST_F(ChannelSessionTest, AnswersBothKindsOfPing) {
  client().ping("hello");
  client().text(R"({"type":"ping"})");
  EXPECT_EQ(answer(), (Frames{"pong hello", std::string(kPong)}));
}

TEST_F(ChannelSessionTest, TakesPongsAndAcksInSilence) {
  client().send_bytes(Client::frame(0x8a, "unasked"));
  client().text(R"({"type":"ack","id":"m1"})");
  EXPECT_EQ(answer(), Frames{});
  EXPECT_TRUE(session().is_open());
}

TEST_F(ChannelSessionTest, HandsSubscriptionsUp) {
  client().text(R"({"type":"subscribe","topic":"news"})");
  client().text(R"({"type":"unsubscribe","topic":"news"})");
  answer();
  EXPECT_EQ(bench_.events, (Frames{"subscribe news", "unsubscribe news"}));
}

TEST_F(ChannelSessionTest, UnderstandsAMessageThatComesByteByByte) {
  for (const char byte : Client::frame(0x81, R"({"type":"ping"})")) {
    EXPECT_EQ(answer(), Frames{});
    client().send_bytes(std::string_view(&byte, 1));
  }
  EXPECT_EQ(answer(), Frames{std::string(kPong)});
  client().text(R"({"type":"ping"})");
  EXPECT_EQ(answer(), Frames{std::string(kPong)}) << "what follows is read afresh";
}

TEST_F(ChannelSessionTest, UnderstandsFragmentsWithAPingBetweenThem) {
  client().send_bytes(Client::frame(0x01, R"({"type":)"));
  EXPECT_EQ(answer(), Frames{});
  client().ping("between");
  EXPECT_EQ(answer(), Frames{"pong between"});
  client().send_bytes(Client::frame(0x80, R"("ping"})"));
  EXPECT_EQ(answer(), Frames{std::string(kPong)});
}

TEST_F(ChannelSessionTest, ReadsMoreThanOneBufferfulInTheTurnsThatFollow) {
  constexpr int kPings = 400;
  const std::string padded = R"({"type":"ping","x":")" + std::string(1000, 'x') + "\"}";
  std::string bytes;
  for (int i = 0; i < kPings; ++i) {
    bytes += Client::frame(0x81, padded);
  }
  std::size_t answers = 0;
  std::size_t sent = 0;
  for (int i = 0; i < 100 && answers < kPings; ++i) {
    const ssize_t put = ::send(client().fd(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    sent += put > 0 ? static_cast<std::size_t>(put) : 0;
    answers += answer().size();
  }
  EXPECT_EQ(answers, static_cast<std::size_t>(kPings));
}

TEST_F(ChannelSessionTest, ClosesAfterThreeBadMessagesInARow) {
  client().text("not json");
  client().text(R"({"type":"dance"})");
  Frames frames = answer();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_TRUE(frames[0].starts_with(R"(text {"type":"error","code":"bad_message","message":")")) << frames[0];
  EXPECT_TRUE(session().is_open());
  client().text(R"({"topic":"x"})");
  frames = answer();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_TRUE(frames[0].starts_with(R"(text {"type":"error","code":"bad_message")"));
  EXPECT_EQ(frames[1], "close 3501 bad request");
  EXPECT_EQ(bench_.disconnects(Disconnect::kBadRequest), 1U);
}

TEST_F(ChannelSessionTest, ForgetsBadMessagesAfterAnUnderstoodOne) {
  for (int i = 0; i < 5; ++i) {
    client().text("bad");
    client().text("bad");
    client().text(i % 2 == 0 ? R"({"type":"ping"})" : R"({"type":"subscribe","topic":"not a topic"})");
    EXPECT_EQ(answer().size(), 3U);
  }
  EXPECT_TRUE(session().is_open());
}

TEST_F(ChannelSessionTest, NamesATopicThatIsNone) {
  client().text(R"({"type":"subscribe","topic":"a b"})");
  const Frames frames = answer();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_TRUE(frames[0].starts_with(R"(text {"type":"error","code":"topic_invalid")")) << frames[0];
  EXPECT_TRUE(frames[0].ends_with(R"("topic":"a b"})")) << frames[0];
  EXPECT_TRUE(bench_.events.empty());
}

// --- the end -----------------------------------------------------------------------------------------------------

TEST_F(ChannelSessionTest, EchoesTheClientsCloseCodeAndHangsUp) {
  client().close(1000);
  EXPECT_EQ(answer(), Frames{"close 1000"});
  EXPECT_TRUE(client().eof());
  EXPECT_EQ(bench_.manager.size(), 0U);
  EXPECT_EQ(bench_.disconnects(Disconnect::kNormal), 1U);
  EXPECT_EQ(bench_.events, Frames{"leave alice"});
}

TEST_F(ChannelSessionTest, AnswersAnEmptyCloseFrameWithAnEmptyOne) {
  client().close_empty();
  EXPECT_EQ(answer(), Frames{"close"});
  EXPECT_TRUE(client().eof());
  EXPECT_EQ(bench_.disconnects(Disconnect::kNoStatus), 1U);
}

TEST_F(ChannelSessionTest, CountsAForeignCloseCodeAsOther) {
  client().close(4999);
  EXPECT_EQ(answer(), Frames{"close 4999"});
  EXPECT_EQ(bench_.disconnects(Disconnect::kOther), 1U);
}

TEST_F(ChannelSessionTest, WritesWhatWasHandedOverBeforeItsAnswerToAClose) {
  session().send_message(test::message_frame("last words"));
  client().close(1001);
  EXPECT_EQ(answer(), (Frames{"text last words", "close 1001"}));
}

TEST_F(ChannelSessionTest, ReadsNothingBehindTheClientsCloseFrame) {
  client().send_bytes(Client::frame(0x88, "\x03\xe8") + Client::frame(0x81, R"({"type":"ping"})"));
  EXPECT_EQ(answer(), Frames{"close 1000"});
}

TEST_F(ChannelSessionTest, HangsUpWhenItsOwnCloseFrameIsAnswered) {
  session().close(Disconnect::kShutdown);
  EXPECT_EQ(answer(), Frames{"close 3001 shutdown"});
  EXPECT_FALSE(client().eof());
  client().text(R"({"type":"ping"})");
  EXPECT_EQ(answer(), Frames{}) << "nothing is answered any more";
  client().close(3001);
  EXPECT_EQ(answer(), Frames{});
  EXPECT_TRUE(client().eof());
  EXPECT_EQ(bench_.disconnects(Disconnect::kShutdown), 1U);
  EXPECT_EQ(bench_.disconnects(Disconnect::kNormal), 0U);
}

TEST_F(ChannelSessionTest, TellsOneReasonOnly) {
  session().close(Disconnect::kKicked);
  session().close(Disconnect::kShutdown);
  EXPECT_EQ(answer(), Frames{"close 3503 kicked"});
  EXPECT_EQ(bench_.disconnects(Disconnect::kShutdown), 0U);
  EXPECT_EQ(bench_.events, Frames{"leave alice"});
}

TEST_F(ChannelSessionTest, CountsAnEndWithoutACloseFrameAs1006) {
  client().hang_up();
  bench_.turn();
  EXPECT_EQ(bench_.manager.size(), 0U);
  EXPECT_EQ(bench_.disconnects(Disconnect::kAbnormal), 1U);
}

TEST_F(ChannelSessionTest, NoticesTheEndBehindTheLastBytes) {
  client().text(R"({"type":"subscribe","topic":"t"})");
  client().hang_up();
  bench_.turn();
  bench_.turn();
  EXPECT_EQ(bench_.events, (Frames{"subscribe t", "leave alice"}));
  EXPECT_EQ(bench_.manager.size(), 0U);
}

TEST_F(ChannelSessionTest, CountsItsOwnCloseNotTheEndThatFollows) {
  session().close(Disconnect::kKicked);
  bench_.turn();
  client().hang_up();
  bench_.turn();
  EXPECT_EQ(bench_.manager.size(), 0U);
  EXPECT_EQ(bench_.disconnects(Disconnect::kKicked), 1U);
  EXPECT_EQ(bench_.disconnects(Disconnect::kAbnormal), 0U);
}

TEST_F(ChannelSessionTest, ClosesForEachFaultWithItsCode) {
  struct Case {
    std::string bytes;
    std::string close;
    Disconnect why;
  };
  const std::vector<Case> cases = {
      {std::string("\x81\x01x", 3), "close 1002", Disconnect::kProtocolError},  // not masked
      {Client::frame(0xc1, "x"), "close 1002", Disconnect::kProtocolError},     // RSV1
      {Client::frame(0x82, "x"), "close 1003", Disconnect::kUnsupportedData},   // binary
      {Client::frame(0x81, "\xff"), "close 1007", Disconnect::kInvalidUtf8},
      {std::string("\x81\xff\0\0\0\0\0\1\0\1\0\0\0\0", 14), "close 1009", Disconnect::kTooBig},
      {Client::frame(0x88, "x"), "close 1002", Disconnect::kProtocolError},         // half a code
      {Client::frame(0x88, "\x03\xed"), "close 1002", Disconnect::kProtocolError},  // 1005
  };
  for (const Case& one : cases) {
    Connected bob(bench_, "bob");
    const std::uint64_t before = bench_.disconnects(one.why);
    bob.client.send_bytes(one.bytes);
    bench_.turn();
    const Frames frames = bob.client.frames();
    ASSERT_EQ(frames.size(), 1U) << one.close;
    EXPECT_TRUE(frames[0].starts_with(one.close)) << frames[0];
    EXPECT_TRUE(bob.client.eof()) << "the gateway's half is shut down";
    EXPECT_EQ(bench_.disconnects(one.why), before + 1) << one.close;
    bob.client.hang_up();
    bench_.turn();
    EXPECT_EQ(bench_.manager.size(), 1U) << one.close;
  }
}

TEST_F(ChannelSessionTest, ThrowsAwayWhatFollowsAFault) {
  client().send_bytes(Client::frame(0x82, "x") + Client::frame(0x81, R"({"type":"subscribe","topic":"t"})"));
  answer();
  client().send_bytes(Client::frame(0x82, "x"));
  client().close(1000);
  EXPECT_EQ(answer(), Frames{});
  EXPECT_EQ(bench_.events, Frames{"leave alice"});
  EXPECT_EQ(bench_.manager.size(), 1U) << "it lets the client read, and waits for it to hang up";
}

TEST_F(ChannelSessionTest, HangsUpOnAFaultAfterItsOwnCloseFrame) {
  session().close(Disconnect::kShutdown);
  bench_.turn();
  client().send_bytes(Client::frame(0x82, "x"));
  EXPECT_EQ(answer(), Frames{"close 3001 shutdown"});
  EXPECT_EQ(bench_.manager.size(), 0U);
  EXPECT_EQ(bench_.disconnects(Disconnect::kUnsupportedData), 0U);
}

// Over TCP a socket that is closed with unread bytes resets the connection, and the close frame may be lost with it.
TEST(ChannelSessionOverTcp, LetsAClientThatKeepsSendingReadWhyItWasClosed) {
  net::Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(listener.get(), generic, length), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), generic, &length), 0);
  net::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(fd.get(), generic, length), 0);
  net::Fd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));

  Bench bench;
  Connected alice(bench, "alice", test::SocketPair{std::move(accepted), fd.release()});
  EXPECT_TRUE(alice.session->remote().starts_with("127.0.0.1:")) << alice.session->remote();
  alice.client.send_bytes(Client::frame(0x82, std::string(60'000, 'x')));
  Frames frames;
  EXPECT_TRUE(bench.run_until(2000, [&] {
    for (std::string& frame : alice.client.frames()) {
      frames.push_back(std::move(frame));
    }
    return alice.client.eof();
  }));
  EXPECT_EQ(frames, Frames{"close 1003 binary messages are not accepted"});
}

}  // namespace
}  // namespace pushwire::session
