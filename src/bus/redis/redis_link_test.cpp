#include "bus/redis/redis_link.h"

#include <gmock/gmock.h>

#include <cerrno>

#include "bus/redis/fake_server.h"
#include "net/socket_calls.h"

namespace pushwire::bus {
namespace {

using redis::test::FakeServer;
using redis::test::Words;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct Journal final : LinkEvents {
  int ups = 0;
  std::string down;  // the last reason
  int downs = 0;
  std::vector<std::string> records;
  std::vector<std::string> gaps;
  std::vector<std::pair<std::uint64_t, SendResult>> sent;
  std::function<void()> when_record;

  void on_up() override {
    ++ups;
    down.clear();
  }
  void on_down(std::string_view reason) override {
    ++downs;
    down = reason;
  }
  void on_record(std::string_view bytes, std::string_view) override {
    records.emplace_back(bytes);
    if (when_record) {
      when_record();
    }
  }
  void on_sent(std::uint64_t number, SendResult result) override { sent.emplace_back(number, result); }
  void on_gap(std::string_view reason) override { gaps.emplace_back(reason); }
};

struct RedisLink : ::testing::Test, net::test::TestLoop {
  FakeServer server;
  Journal seen;
  Settings settings;
  std::unique_ptr<Link> link;

  ~RedisLink() override {
    if (link != nullptr) {
      link->close();
    }
  }
  void make(RedisMode mode, const net::SocketCalls* calls = nullptr) {
    settings.redis.mode = mode;
    settings.redis.address = server.address();
    link = make_redis_link(loop, seen, settings, calls);
    at_end = [this] { link->flush(); };
  }
  bool wait(const std::function<bool()>& done, MonotonicMs most_ms = 10'000) {
    return until(
        [&] {
          server.poll();
          return done();
        },
        most_ms);
  }
  bool up(RedisMode mode) {
    make(mode);
    EXPECT_TRUE(link->open());
    return wait([this] { return seen.ups == 1; });
  }
  void send(std::uint64_t number, std::string_view bytes) { link->send({number, 0, bytes}); }
};

class EachMode : public RedisLink, public ::testing::WithParamInterface<RedisMode> {};
INSTANTIATE_TEST_SUITE_P(RedisLink, EachMode, ::testing::Values(RedisMode::kPubSub, RedisMode::kStreams),
                         [](const auto& mode) { return mode.param == RedisMode::kPubSub ? "PubSub" : "Streams"; });

TEST_P(EachMode, RecordsComeBackInOrderAndAreConfirmed) {
  ASSERT_TRUE(up(GetParam())) << seen.down;
  const std::string binary("\0\r\n$1\r\n\xff", 8);
  const std::string large(300'000, 'x');
  send(7, "one");
  send(8, binary);
  send(9, "");
  send(10, large);
  ASSERT_TRUE(wait([&] { return seen.records.size() == 4 && seen.sent.size() == 4; }));
  EXPECT_THAT(seen.records, ElementsAre("one", binary, "", large));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(seen.sent[i], std::pair(std::uint64_t{7 + i}, SendResult::kStored));
  }
  EXPECT_THAT(seen.gaps, IsEmpty());
}

TEST_P(EachMode, RefusalNamesItsSettingAndIsTriedAgain) {
  const struct {
    const char* command;
    const char* error;
    const char* setting;
  } cases[] = {
      {"AUTH", "WRONGPASS invalid username-password pair or user is disabled.", "bus.redis.password: "},
      {"PING", "NOAUTH Authentication required.", "bus.redis.password: "},
      {"PING", "LOADING Redis is loading the dataset in memory", "bus.redis.address: "},
      {"PING", "DENIED Redis is running in protected mode", "bus.redis.address: "},
      {GetParam() == RedisMode::kPubSub ? "SUBSCRIBE" : "XINFO", "NOPERM no permissions", "bus.redis.username: "},
  };
  settings.redis.username = "push";
  settings.redis.password = "secret";
  make(GetParam());
  ASSERT_TRUE(link->open());
  for (const auto& each : cases) {
    server.script = [&](const Words& words) {
      return words[0] == each.command ? "-" + std::string(each.error) + "\r\n" : FakeServer::kAsUsual;
    };
    ASSERT_TRUE(wait([&] { return seen.down.find(each.error) != seen.down.npos; })) << seen.down;
    EXPECT_THAT(seen.down, StartsWith(each.setting));
    EXPECT_EQ(seen.ups, 0);
  }
  server.script = [](const Words&) { return FakeServer::kAsUsual; };
  ASSERT_TRUE(wait([&] { return seen.ups == 1; }));
  EXPECT_THAT(seen.gaps, IsEmpty());
}

TEST_P(EachMode, LogsInBeforeAnythingElse) {
  settings.redis.username = "push";
  settings.redis.password = "secret";
  ASSERT_TRUE(up(GetParam()));
  EXPECT_THAT(server.heard.front(), ElementsAre("AUTH", "push", "secret"));
  EXPECT_EQ(server.count("AUTH"), 2);
}

TEST_P(EachMode, PasswordAloneIsSentAsSuch) {
  settings.redis.password = "secret";
  ASSERT_TRUE(up(GetParam()));
  EXPECT_THAT(server.heard.front(), ElementsAre("AUTH", "secret"));
}

TEST_P(EachMode, SilentServerIsNoticedWithinFiveSeconds) {
  ASSERT_TRUE(up(GetParam()));
  server.deaf = true;
  const MonotonicMs since = monotonic_ms();
  ASSERT_TRUE(wait([&] { return seen.downs > 0; }));
  EXPECT_LE(monotonic_ms() - since, 5'000);
  EXPECT_THAT(seen.down, HasSubstr("has not answered for 4 s"));
  server.deaf = false;
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
}

TEST_P(EachMode, ServerThatAnswersIsNotTakenForSilent) {
  ASSERT_TRUE(up(GetParam()));
  const MonotonicMs since = monotonic_ms();
  (void)wait([&] {
    if (GetParam() == RedisMode::kStreams && server.count("XREAD") < 4 && monotonic_ms() - since > 1'000) {
      server.add("still here");  // the fake one does not end a read by itself
    }
    return monotonic_ms() - since > 2'500;
  });
  EXPECT_EQ(seen.downs, 0) << seen.down;
  EXPECT_GT(server.count("PING"), 2);
}

TEST_P(EachMode, RefusedRecordTakesThePublishingSideDownWithItsReason) {
  ASSERT_TRUE(up(GetParam()));
  server.script = [](const Words& words) {
    return words[0] == "PUBLISH" || words[0] == "XADD" ? "-OOM command not allowed\r\n" : FakeServer::kAsUsual;
  };
  send(1, "x");
  ASSERT_TRUE(wait([&] { return seen.downs == 1; }));
  EXPECT_THAT(seen.down, HasSubstr("maxmemory"));
  EXPECT_THAT(seen.sent, IsEmpty());
  EXPECT_THAT(seen.gaps, IsEmpty()) << "the receiving side was not touched";
  server.script = [](const Words&) { return FakeServer::kAsUsual; };
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
  send(1, "x");
  ASSERT_TRUE(wait([&] { return seen.sent.size() == 1; }));
}

TEST_P(EachMode, NonsenseIsToldAndTheConnectionMadeAgain) {
  ASSERT_TRUE(up(GetParam()));
  server.say_to_all("HTTP/1.1 400 Bad Request\r\n\r\n");
  ASSERT_TRUE(wait([&] { return seen.downs > 0; }));
  EXPECT_THAT(seen.down, HasSubstr("does not speak as Redis does"));
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
}

TEST_P(EachMode, ServerThatHangsUpAtOnceIsSuspectedOfTls) {
  make(GetParam());
  ASSERT_TRUE(link->open());
  ASSERT_TRUE(wait([&] {
    server.hang_up();
    return seen.downs > 1;
  }));
  EXPECT_THAT(seen.down, HasSubstr("bus.redis.tls"));
}

TEST_P(EachMode, SaysNothingAfterClose) {
  ASSERT_TRUE(up(GetParam()));
  send(1, "x");
  link->flush();
  link->close();
  server.poll();
  server.hang_up();
  for (int i = 0; i < 20; ++i) {
    server.poll();
    loop.turn(*this, 10);
  }
  EXPECT_EQ(seen.downs, 0);
  EXPECT_THAT(seen.sent, IsEmpty());
  EXPECT_EQ(server.clients(), 0U);
}

// Each call in turn, at its first, second, … use: the link comes up again and a record gets through all the same.
TEST_P(EachMode, ComesBackAfterAFailureOfEachSystemCall) {
  struct BadCalls final : net::SocketCalls {
    enum Call { kSocket, kConnect, kConnectError, kRecv, kSend, kWatch, kCount };
    int call = 0;
    int at = 0;
    mutable std::array<int, kCount> made{};
    mutable int failed = 0;
    bool fails(Call asked) const {
      const bool now = made[asked]++ == at && asked == call;
      failed += now ? 1 : 0;
      errno = ECONNRESET;
      return now;
    }
    int socket(int family) const override { return fails(kSocket) ? -1 : SocketCalls::socket(family); }
    int connect(int fd, const net::Address& address) const override {
      return fails(kConnect) ? -1 : SocketCalls::connect(fd, address);
    }
    int connect_error(int fd) const override { return fails(kConnectError) ? EIO : SocketCalls::connect_error(fd); }
    ssize_t recv(int fd, char* buffer, std::size_t size) const override {
      return fails(kRecv) ? -1 : SocketCalls::recv(fd, buffer, size);
    }
    ssize_t send(int fd, const char* bytes, std::size_t size) const override {
      return fails(kSend) ? -1 : SocketCalls::send(fd, bytes, size);
    }
    bool watch(net::EventLoop& on, int fd, std::uint32_t events, net::IoHandler& handler) const override {
      return !fails(kWatch) && SocketCalls::watch(on, fd, events, handler);
    }
  };
  for (int call = 0; call < BadCalls::kCount; ++call) {
    for (int at = 0; at < 8; ++at) {
      SCOPED_TRACE(std::to_string(call) + " at " + std::to_string(at));
      BadCalls calls;
      calls.call = call;
      calls.at = at;
      seen = {};
      make(GetParam(), &calls);
      ASSERT_TRUE(link->open());
      int ups = 0;
      const bool arrived = wait([&] {
        if (seen.down.empty() && seen.ups > ups) {
          ups = seen.ups;
          send(1, "through");
        }
        return !seen.sent.empty() && !seen.records.empty();
      });
      EXPECT_TRUE(arrived) << seen.down;
      EXPECT_EQ(calls.failed > 0, seen.downs > 0) << seen.down;
      link->close();
      server.hang_up();
    }
  }
}

TEST_F(RedisLink, SettingsThatCannotWorkAreToldAtOnce) {
  settings.redis.address = "nowhere:0";
  auto opened = make_redis_link(loop, seen, settings)->open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, StartsWith("bus.redis.address: \"nowhere:0\""));
  settings.redis.address = "localhost";
  settings.redis.username = "push";
  EXPECT_THAT(make_redis_link(loop, seen, settings)->open().error().message, StartsWith("bus.redis.username: "));
  settings.redis.username.clear();
  settings.redis.tls = true;
  settings.redis.tls_ca = "/nowhere/ca.pem";
  EXPECT_THAT(make_redis_link(loop, seen, settings)->open().error().message, StartsWith("bus.redis.tls_ca: "));
}

// --- Pub/Sub -----------------------------------------------------------------------------------------------------

TEST_F(RedisLink, IsNotUpBeforeTheSubscriptionIsConfirmed) {
  server.script = [](const Words& words) { return words[0] == "SUBSCRIBE" ? "" : FakeServer::kAsUsual; };
  make(RedisMode::kPubSub);
  ASSERT_TRUE(link->open());
  ASSERT_TRUE(wait([&] { return server.count("SUBSCRIBE") == 1 && server.count("PING") == 2; }));
  const MonotonicMs since = monotonic_ms();
  (void)wait([&] { return monotonic_ms() - since > 200; });
  EXPECT_EQ(seen.ups, 0);
}

TEST_F(RedisLink, LostSubscriptionIsAGap) {
  ASSERT_TRUE(up(RedisMode::kPubSub));
  server.hang_up();
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
  EXPECT_EQ(seen.gaps.size(), 1U);
  EXPECT_FALSE(link->capabilities().replay);
}

TEST_F(RedisLink, RecordThatNobodyGotIsToBeSentAgain) {
  ASSERT_TRUE(up(RedisMode::kPubSub));
  server.script = [](const Words& words) { return words[0] == "PUBLISH" ? ":0\r\n" : FakeServer::kAsUsual; };
  send(5, "x");
  ASSERT_TRUE(wait([&] { return !seen.sent.empty(); }));
  EXPECT_EQ(seen.sent[0].second, SendResult::kTryAgain);
}

TEST_F(RedisLink, PausedSubscriberReadsNothingAndLosesNothing) {
  ASSERT_TRUE(up(RedisMode::kPubSub));
  link->pause();
  server.send_out("pushwire.push", "waits");
  const MonotonicMs since = monotonic_ms();
  (void)wait([&] { return monotonic_ms() - since > 200; });
  EXPECT_THAT(seen.records, IsEmpty());
  link->resume();
  ASSERT_TRUE(wait([&] { return seen.records.size() == 1; }));
}

TEST_F(RedisLink, NamespaceKeepsClustersApart) {
  settings.name_space = "blue";
  ASSERT_TRUE(up(RedisMode::kPubSub));
  send(1, "x");
  ASSERT_TRUE(wait([&] { return seen.sent.size() == 1; }));
  EXPECT_THAT(server.heard.back(), ElementsAre("PUBLISH", "blue.push", "x"));
}

// --- streams -----------------------------------------------------------------------------------------------------

TEST_F(RedisLink, ReadsFromTheEndThatWasThereBeforeItWasUp) {
  server.add("old");
  bool asked = false;
  server.script = [&](const Words& words) {
    if (words[0] == "XREAD" && !std::exchange(asked, true)) {
      server.add("new");  // after the end was asked for, before the first read
    }
    return FakeServer::kAsUsual;
  };
  ASSERT_TRUE(up(RedisMode::kStreams));
  ASSERT_TRUE(wait([&] { return !seen.records.empty(); }));
  EXPECT_THAT(seen.records, ElementsAre("new"));
}

TEST_F(RedisLink, GoesOnWhereItWasAfterALoss) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.add("one");
  ASSERT_TRUE(wait([&] { return seen.records.size() == 1; }));
  server.hang_up();
  server.add("two");
  server.add("three");
  ASSERT_TRUE(wait([&] { return seen.ups == 2 && seen.records.size() == 3; }));
  EXPECT_THAT(seen.records, ElementsAre("one", "two", "three"));
  EXPECT_THAT(seen.gaps, IsEmpty());
  EXPECT_TRUE(link->capabilities().replay);
}

TEST_F(RedisLink, StreamThatWasTrimmedBeyondTheOwnPositionIsAGap) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.hang_up();
  server.add("missed");
  server.add("kept");
  server.stream.erase(server.stream.begin(), server.stream.begin() + 2);
  ASSERT_TRUE(wait([&] { return seen.ups == 2 && seen.records.size() == 1; }));
  EXPECT_THAT(seen.records, ElementsAre("kept"));
  ASSERT_EQ(seen.gaps.size(), 1U);
  EXPECT_THAT(seen.gaps[0], HasSubstr("does not reach back"));
}

TEST_F(RedisLink, StreamThatWasTrimmedToItsEndIsNoGapForWhoHasReadIt) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.hang_up();
  server.stream.clear();
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
  EXPECT_THAT(seen.gaps, IsEmpty());
}

TEST_F(RedisLink, ServerThatLostItsStreamIsAGapAndAllThatIsNewIsRead) {
  server.add("old");
  ASSERT_TRUE(up(RedisMode::kStreams));
  server.hang_up();
  server.stream.clear();
  server.stream_exists = false;
  ASSERT_TRUE(wait([&] { return seen.ups == 2; }));
  ASSERT_EQ(seen.gaps.size(), 1U);
  EXPECT_THAT(seen.gaps[0], HasSubstr("has lost its stream"));
  server.last_id = {5, 0};  // its clock went back, too
  server.add("new");
  ASSERT_TRUE(wait([&] { return seen.records.size() == 1; }));
}

TEST_F(RedisLink, PausedReaderAsksForNothingMore) {
  ASSERT_TRUE(up(RedisMode::kStreams));
  seen.when_record = [&] { link->pause(); };
  server.add("one");
  ASSERT_TRUE(wait([&] { return seen.records.size() == 1; }));
  const int reads = server.count("XREAD");
  server.add("two");
  const MonotonicMs since = monotonic_ms();
  (void)wait([&] { return monotonic_ms() - since > 200; });
  EXPECT_EQ(seen.records.size(), 1U);
  EXPECT_EQ(server.count("XREAD"), reads);
  link->resume();
  ASSERT_TRUE(wait([&] { return seen.records.size() == 2; }));
  EXPECT_EQ(seen.ups, 1);
}

TEST_F(RedisLink, PausedReaderFindsOutThatItsPositionWasTrimmedAway) {
  ASSERT_TRUE(up(RedisMode::kStreams));
  seen.when_record = [&] { link->pause(); };
  server.add("one");
  ASSERT_TRUE(wait([&] { return seen.records.size() == 1; }));
  server.add("missed");
  server.add("kept");
  server.stream.erase(server.stream.begin(), server.stream.begin() + 2);
  link->resume();
  ASSERT_TRUE(wait([&] { return seen.records.size() == 2; }));
  EXPECT_THAT(seen.records, ElementsAre("one", "kept"));
  EXPECT_EQ(seen.gaps.size(), 1U);
}

TEST_F(RedisLink, StreamIsTrimmedByTheServersOwnClockAndNotTooFar) {
  settings.max_replay_age = std::chrono::milliseconds(20'000);
  server.add("old");
  const std::uint64_t now = server.last_id.ms;
  ASSERT_TRUE(up(RedisMode::kStreams));
  send(1, "x");
  ASSERT_TRUE(wait([&] { return seen.sent.size() == 1; }));
  Words added;
  for (const Words& words : server.heard) {
    added = words[0] == "XADD" ? words : added;
  }
  EXPECT_THAT(added,
              ElementsAre("XADD", "pushwire.push", "MINID", "~", std::to_string(now - 60'000) + "-0", "*", "r", "x"));
}

}  // namespace
}  // namespace pushwire::bus
