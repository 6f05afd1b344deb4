// What ends or keeps a connection as time goes by. The loop's clock is real and ticks every 128 ms, so the times are
// short ones and the tests allow for two ticks.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "session/session_test_support.h"

namespace pushwire::session {
namespace {

using protocol::Disconnect;
using test::Bench;
using test::Client;
using test::Connected;
using Frames = std::vector<std::string>;

SessionOptions with_heartbeat(MonotonicMs interval, MonotonicMs timeout) {
  SessionOptions options;
  options.heartbeat_interval = interval;
  options.heartbeat_timeout = timeout;
  return options;
}

std::int64_t count(const Frames& frames, std::string_view which) {
  return std::count(frames.begin(), frames.end(), which);
}

TEST(ChannelSessionHeartbeat, PingsTheSilentOncePerInterval) {
  Bench bench(with_heartbeat(200, 10'000));
  Connected alice(bench, "alice");
  bench.run_for(150);
  EXPECT_EQ(alice.client.frames(), Frames{}) << "not before the interval has passed";
  bench.run_for(850);
  const std::int64_t pings = count(alice.client.frames(), "ping");
  EXPECT_GE(pings, 2);
  EXPECT_LE(pings, 5);
  EXPECT_TRUE(alice.session->is_open());
}

TEST(ChannelSessionHeartbeat, AnyByteIsASignOfLife) {
  Bench bench(with_heartbeat(400, 600));
  Connected alice(bench, "alice");
  for (const char byte : Client::frame(0x81, "x").substr(0, 6)) {  // never a whole frame
    bench.run_for(200);
    alice.client.send_bytes(std::string_view(&byte, 1));
  }
  bench.turn();
  EXPECT_EQ(bench.disconnects(Disconnect::kNoHeartbeat), 0U);
  EXPECT_EQ(count(alice.client.frames(), "ping"), 0);
}

TEST(ChannelSessionHeartbeat, ClosesWhoStaysSilentAndHangsUpWithoutAnAnswer) {
  SessionOptions options = with_heartbeat(200, 500);
  options.close_timeout = 200;
  Bench bench(options);
  Connected alice(bench, "alice");
  Connected bob(bench, "bob");
  const MonotonicMs begin = bench.loop.now();
  EXPECT_TRUE(bench.run_until(2000, [&] {
    if (alice.session->is_open()) {
      bob.client.send_bytes(Client::frame(0x8a, {}));
    }
    return bench.disconnects(Disconnect::kNoHeartbeat) > 0;
  }));
  EXPECT_GE(bench.loop.now() - begin, 500);
  EXPECT_LE(bench.loop.now() - begin, 900);
  EXPECT_TRUE(bob.session->is_open());
  bench.run_for(60);
  EXPECT_EQ(bench.manager.size(), 2U) << "close_timeout has not passed";
  EXPECT_TRUE(bench.run_until(1000, [&] { return bench.manager.size() == 1; }));
  const Frames frames = alice.client.frames();
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back(), "close 3012 no heartbeat");
  EXPECT_GE(count(frames, "ping"), 1);
  EXPECT_TRUE(alice.client.eof());
}

TEST(ChannelSessionTimes, EndsWithItsToken) {
  Bench bench;
  test::SocketPair sockets = test::make_sockets(SOCK_STREAM, 0);
  Client client(sockets.client);
  PendingUpgrade upgrade = test::upgrade_for("alice", std::move(sockets.server));
  upgrade.expires_at = wall_ms() / 1000 + 1;
  const ChannelSession* session = bench.manager.admit(upgrade);
  EXPECT_TRUE(session->is_open());
  EXPECT_TRUE(bench.run_until(2500, [&] { return bench.disconnects(Disconnect::kTokenExpired) == 1; }));
  EXPECT_GE(wall_ms(), upgrade.expires_at * 1000);
  EXPECT_EQ(client.frames(), Frames{"close 3005 token expired"});
}

TEST(ChannelSessionTimes, EndsSoonWhenItsTokenExpiredOnTheWay) {
  Bench bench;
  test::SocketPair sockets = test::make_sockets(SOCK_STREAM, 0);
  Client client(sockets.client);
  PendingUpgrade upgrade = test::upgrade_for("alice", std::move(sockets.server));
  upgrade.expires_at = 1'000'000;
  ASSERT_NE(bench.manager.admit(upgrade), nullptr);
  EXPECT_TRUE(bench.run_until(600, [&] { return bench.disconnects(Disconnect::kTokenExpired) == 1; }));
}

TEST(ChannelSessionTimes, EndsWhenAMessageIsNeverFinished) {
  Bench bench(with_heartbeat(200, 400));
  Connected alice(bench, "alice");
  alice.client.send_bytes(Client::frame(0x01, "{"));
  for (int i = 0; i < 40 && alice.session->is_open(); ++i) {
    alice.client.send_bytes(Client::frame(0x00, {}) + Client::frame(0x8a, {}));  // alive, and no end in sight
    bench.run_for(40);
  }
  EXPECT_EQ(bench.disconnects(Disconnect::kBadRequest), 1U);
  EXPECT_EQ(alice.client.frames(), Frames{"close 3501 bad request"});
}

// The end of each read falls into the middle of a message, so there is always an unfinished one, but never the same.
TEST(ChannelSessionTimes, KeepsWhoFinishesEachMessageThoughEveryReadEndsInsideOne) {
  Bench bench(with_heartbeat(200, 400));
  Connected alice(bench, "alice");
  const std::string ping = Client::frame(0x81, R"({"type":"ping"})");
  const std::string second_half_first = ping.substr(9) + ping.substr(0, 9);
  alice.client.send_bytes(ping.substr(0, 9));
  std::size_t pongs = 0;
  bench.run_until(1000, [&] {
    if (alice.session->is_open()) {
      alice.client.send_bytes(second_half_first);
    }
    pongs += alice.client.frames().size();
    return false;
  });
  EXPECT_GT(pongs, 10U);
  EXPECT_EQ(bench.disconnects(Disconnect::kBadRequest), 0U);
}

TEST(ChannelSessionTimes, HangsUpOnAFaultyClientAfterTheCloseTimeout) {
  SessionOptions options;
  options.close_timeout = 200;
  Bench bench(options);
  Connected alice(bench, "alice");
  alice.client.send_bytes(Client::frame(0x82, "x"));
  bench.turn();
  EXPECT_EQ(bench.manager.size(), 1U);
  // Bytes that keep coming do not put it off.
  EXPECT_TRUE(bench.run_until(700, [&] {
    (void)::send(alice.client.fd(), "x", 1, MSG_NOSIGNAL);  // fails when the gateway has hung up: what is waited for
    return bench.manager.size() == 0;
  }));
}

TEST(ChannelSessionTimes, SaysWhenItWasLastHeardOf) {
  Bench bench;
  Connected alice(bench, "alice");
  const WallMs begin = wall_ms();
  EXPECT_NEAR(static_cast<double>(alice.session->connected_at()), static_cast<double>(begin), 1000);
  bench.run_for(120);
  EXPECT_LE(alice.session->last_seen_at(), begin + 60);
  alice.client.ping({});
  bench.turn();
  EXPECT_GE(alice.session->last_seen_at(), begin + 100);
}

}  // namespace
}  // namespace pushwire::session
