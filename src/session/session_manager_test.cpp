#include "session/session_manager.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <string>
#include <vector>

#include "session/session_test_support.h"

namespace pushwire::session {
namespace {

using protocol::Disconnect;
using test::Bench;
using test::Connected;
using Frames = std::vector<std::string>;

SessionOptions with_limit(std::size_t limit, LimitPolicy policy = LimitPolicy::kCloseOldest) {
  SessionOptions options;
  options.max_connections_per_user = limit;
  options.on_limit = policy;
  return options;
}

TEST(SessionManager, FindsSessionsByUserAndById) {
  Bench bench;
  Connected alice(bench, "alice");
  Connected bob(bench, "bob");
  EXPECT_EQ(bench.manager.find_user("alice")->oldest(), alice.session);
  EXPECT_EQ(bench.manager.find_session(bob.session->id()), bob.session);
  EXPECT_EQ(bench.manager.find_user("carol"), nullptr);
  EXPECT_EQ(bench.manager.find_session(SessionId{}), nullptr);
  EXPECT_EQ(bench.stats.connections.value(), 2);
  EXPECT_EQ(bench.stats.users.value(), 2);
}

TEST(SessionManager, KnowsAUserOnlyWhileHeHasASession) {
  Bench bench;
  Connected phone(bench, "alice");
  Connected tablet(bench, "alice");
  EXPECT_EQ(bench.stats.users.value(), 1);
  phone.session->close(Disconnect::kKicked);
  EXPECT_NE(bench.manager.find_user("alice"), nullptr);
  tablet.session->close(Disconnect::kKicked);
  EXPECT_EQ(bench.manager.find_user("alice"), nullptr);
  EXPECT_EQ(bench.stats.users.value(), 0);
  EXPECT_EQ(bench.stats.connections.value(), 0);
}

TEST(SessionManager, TakesAClosingSessionOutOfEveryTableButKeepsItUntilItsSocketIsClosed) {
  Bench bench;
  Connected alice(bench, "alice");
  const SessionId id = alice.session->id();
  alice.session->close(Disconnect::kKicked);
  EXPECT_FALSE(alice.session->is_open());
  EXPECT_EQ(bench.manager.find_session(id), nullptr);
  std::uint32_t cursor = 0;
  EXPECT_EQ(bench.manager.next_open(cursor), nullptr);
  EXPECT_EQ(bench.manager.open_count(), 0U);
  EXPECT_EQ(bench.manager.size(), 1U);
  bench.turn();
  EXPECT_EQ(alice.client.frames(), Frames{"close 3503 kicked"});
  EXPECT_EQ(bench.manager.size(), 1U) << "it waits for the answer";
  alice.client.close(3503);
  bench.turn();
  EXPECT_EQ(bench.manager.size(), 0U);
}

// The pointers that others hold in this turn stay valid until its last step.
TEST(SessionManager, DestroysNothingBeforeTheEndOfTheTurn) {
  Bench bench;
  Connected alice(bench, "alice");
  alice.client.hang_up();
  alice.session->on_io(0);  // reads the end of the stream
  EXPECT_FALSE(alice.session->is_open());
  EXPECT_EQ(bench.manager.size(), 1U);
  alice.session->close(Disconnect::kKicked);
  EXPECT_FALSE(alice.session->send_message(test::message_frame("late")));
  alice.session->send_text("{}");
  alice.session->on_io(0);
  bench.manager.flush();
  EXPECT_EQ(bench.manager.size(), 1U);
  bench.manager.destroy_closed();
  EXPECT_EQ(bench.manager.size(), 0U);
  EXPECT_EQ(bench.drops(metrics::DropReason::kClosing), 1U);
}

TEST(SessionManager, DisplacesTheOldestOverTheLimit) {
  Bench bench(with_limit(2));
  Connected first(bench, "alice");
  Connected second(bench, "alice");
  Connected third(bench, "alice");
  ASSERT_NE(third.session, nullptr);
  EXPECT_FALSE(first.session->is_open());
  EXPECT_TRUE(second.session->is_open());
  EXPECT_TRUE(third.session->is_open());
  EXPECT_EQ(bench.stats.evictions.value(), 1U);
  EXPECT_EQ(bench.manager.find_user("alice")->count(), 2U);
  bench.turn();
  EXPECT_EQ(first.client.frames(), Frames{"close 4501 displaced by a newer connection"});
  EXPECT_TRUE(second.client.frames().empty());
  EXPECT_EQ(bench.disconnects(Disconnect::kDisplaced), 1U);
}

TEST(SessionManager, CountsTheLimitForEachUserAlone) {
  Bench bench(with_limit(1));
  Connected alice(bench, "alice");
  Connected bob(bench, "bob");
  EXPECT_TRUE(alice.session->is_open());
  EXPECT_TRUE(bob.session->is_open());
}

// The user session goes and comes anew while its only session is displaced.
TEST(SessionManager, DisplacesTheOnlySessionAtALimitOfOne) {
  Bench bench(with_limit(1));
  Connected old(bench, "alice");
  for (int i = 0; i < 5; ++i) {
    Connected next(bench, "alice");
    ASSERT_NE(next.session, nullptr);
    EXPECT_FALSE(old.session->is_open());
    EXPECT_EQ(bench.manager.find_user("alice")->oldest(), next.session);
    EXPECT_EQ(bench.stats.users.value(), 1);
    next.session->close(Disconnect::kKicked);
    bench.turn();
  }
  EXPECT_EQ(bench.stats.evictions.value(), 1U);
}

TEST(SessionManager, RejectsTheNewAndLeavesItsUpgradeUntouched) {
  Bench bench(with_limit(1, LimitPolicy::kRejectNew));
  Connected first(bench, "alice");
  test::SocketPair sockets = test::make_sockets(SOCK_STREAM, 0);
  test::Client client(sockets.client);
  PendingUpgrade upgrade = test::upgrade_for("alice", std::move(sockets.server));
  upgrade.patterns = {"news.*"};
  upgrade.device = "phone";
  EXPECT_EQ(bench.manager.admit(upgrade), nullptr);
  EXPECT_TRUE(upgrade.fd);
  EXPECT_EQ(upgrade.user, "alice");
  EXPECT_EQ(upgrade.device, "phone");
  EXPECT_EQ(upgrade.patterns.size(), 1U);
  EXPECT_TRUE(first.session->is_open());
  EXPECT_EQ(bench.manager.size(), 1U);

  first.session->close(Disconnect::kKicked);
  EXPECT_NE(bench.manager.admit(upgrade), nullptr) << "a closing session takes no place";
}

TEST(SessionManager, HasNoLimitAtZero) {
  Bench bench(with_limit(0));
  std::deque<Connected> devices;
  for (int i = 0; i < 40; ++i) {
    ASSERT_NE(devices.emplace_back(bench, "alice").session, nullptr);
  }
  EXPECT_EQ(bench.manager.find_user("alice")->count(), 40U);
}

TEST(SessionManager, ALimitLoweredWhileRunningIsReachedByTheNextConnection) {
  Bench bench;
  std::deque<Connected> devices;
  for (int i = 0; i < 5; ++i) {
    devices.emplace_back(bench, "alice");
  }
  bench.manager.set_options(with_limit(1));
  Connected newest(bench, "alice");
  EXPECT_EQ(bench.manager.find_user("alice")->count(), 1U);
  EXPECT_EQ(bench.manager.find_user("alice")->oldest(), newest.session);
  EXPECT_EQ(bench.stats.evictions.value(), 5U);
}

TEST(SessionManager, WalksOpenSessionsOnceWhileOthersClose) {
  Bench bench;
  std::deque<Connected> clients;
  for (int i = 0; i < 100; ++i) {
    clients.emplace_back(bench, "user" + std::to_string(i));
  }
  std::set<ChannelSession*> met;
  std::uint32_t cursor = 0;
  while (ChannelSession* session = bench.manager.next_open(cursor)) {
    EXPECT_TRUE(met.insert(session).second);
    session->close(Disconnect::kShutdown);
    bench.turn();
  }
  EXPECT_EQ(met.size(), 100U);
}

TEST(SessionManager, SharesEqualPatternsAndForgetsThemWithTheLastSession) {
  Bench bench;
  std::deque<test::Client> clients;
  std::vector<ChannelSession*> sessions;
  for (int i = 0; i < 3; ++i) {
    test::SocketPair sockets = test::make_sockets(SOCK_STREAM, 0);
    clients.emplace_back(sockets.client);
    PendingUpgrade upgrade = test::upgrade_for("user" + std::to_string(i), std::move(sockets.server));
    upgrade.patterns = {"b", "a.*"};
    sessions.push_back(bench.manager.admit(upgrade));
  }
  EXPECT_EQ(bench.manager.patterns().size(), 1U);
  EXPECT_TRUE(sessions[0]->permissions().allows("a.1"));
  EXPECT_FALSE(sessions[0]->permissions().allows("c"));
  for (ChannelSession* session : sessions) {
    session->close(Disconnect::kKicked);
  }
  EXPECT_EQ(bench.manager.patterns().size(), 0U);
}

// epoll refuses a plain file, as it would refuse any socket when the kernel is out of watches.
TEST(SessionManager, EndsASessionThatTheKernelWillNotWatch) {
  Bench bench;
  net::Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  PendingUpgrade upgrade = test::upgrade_for("alice", std::move(file));
  ChannelSession* session = bench.manager.admit(upgrade);
  ASSERT_NE(session, nullptr);
  EXPECT_FALSE(session->is_open());
  EXPECT_EQ(bench.manager.find_user("alice"), nullptr);
  EXPECT_EQ(bench.stats.connections.value(), 0);
  EXPECT_EQ(bench.disconnects(Disconnect::kAbnormal), 1U);
  bench.turn();
  EXPECT_EQ(bench.manager.size(), 0U);
}

TEST(SessionManager, ClosesWhatIsLeftWhenItEnds) {
  std::deque<test::Client> clients;
  {
    Bench bench;
    Connected idle(bench, "alice");
    Connected writing(bench, "bob");
    Connected closing(bench, "carol");
    writing.session->send_message(test::message_frame("not flushed"));
    closing.session->close(Disconnect::kKicked);
    clients.push_back(std::move(idle.client));
    clients.push_back(std::move(writing.client));
    clients.push_back(std::move(closing.client));
  }
  for (test::Client& client : clients) {
    client.read();
    EXPECT_TRUE(client.eof());
  }
}

}  // namespace
}  // namespace pushwire::session
