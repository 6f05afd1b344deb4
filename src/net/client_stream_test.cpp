#include "net/client_stream.h"

#include <gmock/gmock.h>
#include <netdb.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>

#include "net/socket_calls.h"
#include "net/stream_test_support.h"

namespace pushwire::net {
namespace {

using test::TestLoop;
using test::TestServer;
using ::testing::HasSubstr;

struct Listener final : StreamHandler {
  int opened = 0;
  int lost = 0;
  std::string bytes;
  std::string why;
  std::function<void()> when_open;
  std::function<void()> when_bytes;
  std::function<void()> when_lost;

  void on_open() override {
    ++opened;
    if (when_open) {
      when_open();
    }
  }
  void on_bytes(std::string_view more) override {
    bytes += more;
    if (when_bytes) {
      when_bytes();
    }
  }
  void on_lost(const Error& error) override {
    ++lost;
    why = error.message;
    if (when_lost) {
      when_lost();
    }
  }
};

struct Stream : TestLoop {
  Listener heard;
  ClientStream stream{loop, heard};

  bool open(StreamOptions options) {
    stream.open(std::move(options));
    EXPECT_EQ(heard.opened + heard.lost, 0) << "told inside open()";
    return until([this] { return heard.opened + heard.lost > 0; }) && heard.opened == 1;
  }
  bool open(const TestServer& server) { return open({.endpoint = server.endpoint()}); }
  bool until_lost() {
    return until([this] { return heard.lost > 0; });
  }
};

// All calls are the kernel's but the one that is told to fail.
struct BadCalls final : SocketCalls {
  enum Call { kSocket, kConnect, kConnectError, kRecv, kSend, kWatch, kLookup, kCount };
  static constexpr std::array<const char*, kCount> kNames = {"socket", "connect", "connect_error", "recv",
                                                             "send",   "watch",   "lookup"};
  Call call = kCount;
  int at = 0;  // the how manieth of these calls fails, from 0
  int error = EIO;
  mutable int failed = 0;
  mutable std::array<int, kCount> made{};
  std::vector<std::string> addresses;  // what lookup() finds, if any
  std::size_t most_sent = SIZE_MAX;

  bool fails(Call asked) const {
    const bool now = made[asked]++ == at && asked == call;
    if (now) {
      ++failed;
      errno = error;
    }
    return now;
  }
  int socket(int family) const override { return fails(kSocket) ? -1 : SocketCalls::socket(family); }
  int connect(int fd, const Address& address) const override {
    return fails(kConnect) ? -1 : SocketCalls::connect(fd, address);
  }
  int connect_error(int fd) const override { return fails(kConnectError) ? error : SocketCalls::connect_error(fd); }
  ssize_t recv(int fd, char* buffer, std::size_t size) const override {
    return fails(kRecv) ? -1 : SocketCalls::recv(fd, buffer, size);
  }
  ssize_t send(int fd, const char* bytes, std::size_t size) const override {
    return fails(kSend) ? -1 : SocketCalls::send(fd, bytes, std::min(size, most_sent));
  }
  bool watch(EventLoop& loop, int fd, std::uint32_t events, IoHandler& handler) const override {
    return !fails(kWatch) && SocketCalls::watch(loop, fd, events, handler);
  }
  int lookup(const char* host, const char* port, const addrinfo& hints, addrinfo** found) const override {
    if (fails(kLookup)) {
      return EAI_AGAIN;
    }
    if (addresses.empty()) {
      return SocketCalls::lookup(host, port, hints, found);
    }
    addrinfo** end = found;
    for (const std::string& each : addresses) {
      EXPECT_EQ(SocketCalls::lookup(each.c_str(), port, hints, end), 0);
      end = &(*end)->ai_next;
    }
    return 0;
  }
};

TEST(ClientStream, CarriesBytesBothWays) {
  TestServer server;
  Stream t;
  ASSERT_TRUE(t.open(server)) << t.heard.why;
  EXPECT_TRUE(t.stream.is_open());
  Fd peer = server.accept();
  t.stream.write("hel");
  t.stream.write("lo");
  EXPECT_EQ(t.stream.waiting_bytes(), 5U);
  t.stream.flush();
  EXPECT_EQ(t.stream.waiting_bytes(), 0U);
  ASSERT_TRUE(TestServer::readable(peer.get(), 10'000));
  EXPECT_EQ(TestServer::read_some(peer.get()), "hello");
  TestServer::say(peer.get(), "back");
  ASSERT_TRUE(t.until([&] { return t.heard.bytes == "back"; }));
}

TEST(ClientStream, BytesThatComeOneByOneAreAllHandedOver) {
  TestServer server;
  Stream t;
  ASSERT_TRUE(t.open(server));
  Fd peer = server.accept();
  std::string all;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    TestServer::say(peer.get(), {&letter, 1});
    all += letter;
    ASSERT_TRUE(t.until([&] { return t.heard.bytes == all; }));
  }
}

TEST(ClientStream, MoreThanTheKernelTakesWaitsAndGoesOn) {
  TestServer server;
  Stream t;
  ASSERT_TRUE(t.open(server));
  Fd peer = server.accept();
  std::string sent(8 * 1024 * 1024, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) {
    sent[i] = static_cast<char>(i * 7919 >> 8);
  }
  t.stream.write(sent);
  t.stream.flush();
  EXPECT_GT(t.stream.waiting_bytes(), 0U);
  std::string got;
  ASSERT_TRUE(t.until([&] {
    got += TestServer::read_some(peer.get());
    return got.size() == sent.size();
  }));
  EXPECT_EQ(got, sent);
  EXPECT_EQ(t.stream.waiting_bytes(), 0U);
}

TEST(ClientStream, LastWordsAreHeardBeforeTheLoss) {
  TestServer server;
  Stream t;
  ASSERT_TRUE(t.open(server));
  Fd peer = server.accept();
  TestServer::say(peer.get(), "-ERR go away");
  peer.reset();
  ASSERT_TRUE(t.until_lost());
  EXPECT_EQ(t.heard.bytes, "-ERR go away");
  EXPECT_EQ(t.heard.why, server.endpoint().to_string() + " closed the connection");
  EXPECT_FALSE(t.stream.is_open());
}

TEST(ClientStream, HalfAClosedConnectionIsALostOne) {
  TestServer server;
  Stream t;
  ASSERT_TRUE(t.open(server));
  Fd peer = server.accept();
  ASSERT_EQ(::shutdown(peer.get(), SHUT_WR), 0);
  ASSERT_TRUE(t.until_lost());
  EXPECT_THAT(t.heard.why, HasSubstr("closed the connection"));
}

TEST(ClientStream, ResetIsToldAsOne) {
  TestServer server;
  Stream t;
  ASSERT_TRUE(t.open(server));
  Fd peer = server.accept();
  TestServer::reset(peer);
  ASSERT_TRUE(t.until_lost());
  EXPECT_THAT(t.heard.why, HasSubstr("Connection reset by peer"));
}

TEST(ClientStream, NobodyListeningIsToldWithTheAddress) {
  TestServer server;
  const Endpoint endpoint = server.endpoint();
  server.stop();
  Stream t;
  ASSERT_FALSE(t.open({.endpoint = endpoint}));
  EXPECT_EQ(t.heard.why, "cannot connect to " + endpoint.to_string() + ": Connection refused");
}

TEST(ClientStream, ConnectThatGetsNoAnswerEndsInTime) {
  TestServer server(0);
  std::vector<Fd> filling;  // of the queue of who waits to be accepted: the kernel drops further attempts
  for (int i = 0; i < 3; ++i) {
    filling.emplace_back(SocketCalls::kernel().socket(AF_INET));
    (void)SocketCalls::kernel().connect(filling.back().get(), *parse_address("127.0.0.1", server.endpoint().port));
  }
  Stream t;
  ASSERT_FALSE(t.open({.endpoint = server.endpoint(), .open_timeout = 300}));
  EXPECT_THAT(t.heard.why, HasSubstr("no answer in time"));
}

TEST(ClientStream, NameIsLookedUpAndAllItsAddressesAreTried) {
  TestServer server;
  Stream t;
  BadCalls calls;
  calls.addresses = {"127.0.0.99", "::1", "127.0.0.1"};
  ASSERT_TRUE(t.open({.endpoint = server.endpoint("redis.internal"), .calls = &calls})) << t.heard.why;
  EXPECT_EQ(calls.made[BadCalls::kSocket], 3);
}

TEST(ClientStream, AddressThatNeverAnswersLeavesTimeForTheNext) {
  TestServer silent(0);
  const Address address = *parse_address("127.0.0.2", silent.endpoint().port);
  Fd second(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(second.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length), 0);
  ASSERT_EQ(::listen(second.get(), 1), 0);
  std::vector<Fd> filling;
  for (int i = 0; i < 3; ++i) {
    filling.emplace_back(SocketCalls::kernel().socket(AF_INET));
    (void)SocketCalls::kernel().connect(filling.back().get(), *parse_address("127.0.0.1", silent.endpoint().port));
  }
  Stream t;
  BadCalls calls;
  calls.addresses = {"127.0.0.1", "127.0.0.2"};
  EXPECT_TRUE(t.open({.endpoint = silent.endpoint("two.internal"), .open_timeout = 800, .calls = &calls}))
      << t.heard.why;
}

TEST(ClientStream, UnknownNameIsTold) {
  Stream t;
  ASSERT_FALSE(t.open({.endpoint = {"no-such-host.invalid", 1}, .open_timeout = 9'000}));
  EXPECT_THAT(t.heard.why, HasSubstr("\"no-such-host.invalid\""));
}

TEST(ClientStream, StreamMayGoWhileTheNameServerIsStillThinking) {
  struct SlowCalls final : SocketCalls {
    mutable std::atomic<int> asked{0};
    mutable std::atomic<bool> answer{false};
    mutable std::atomic<int> answered{0};
    int lookup(const char*, const char*, const addrinfo&, addrinfo**) const override {
      ++asked;
      while (!answer) {
        std::this_thread::yield();
      }
      ++answered;
      return EAI_AGAIN;
    }
  } calls;
  {
    Stream t;
    t.stream.open({.endpoint = {"slow.internal", 1}, .calls = &calls});
    ASSERT_TRUE(t.until([&] { return calls.asked == 1; }));
    t.stream.close();
    ASSERT_FALSE(t.open({.endpoint = {"slow.internal", 1}, .open_timeout = 200, .calls = &calls}));
    EXPECT_THAT(t.heard.why, HasSubstr("\"slow.internal\" in time"));
  }
  calls.answer = true;
  TestLoop waiting;
  EXPECT_TRUE(waiting.until([&] { return calls.answered == 2; }));
}

TEST(ClientStream, PausedStreamReadsNothingAndLosesNothing) {
  TestServer server;
  Stream t;
  ASSERT_TRUE(t.open(server));
  Fd peer = server.accept();
  t.stream.set_paused(true);
  TestServer::say(peer.get(), "waits");
  peer.reset();
  int turns = 0;
  (void)t.until([&] { return ++turns == 5; });
  EXPECT_EQ(t.heard.bytes, "");
  EXPECT_EQ(t.heard.lost, 0);
  t.stream.set_paused(false);
  ASSERT_TRUE(t.until_lost());
  EXPECT_EQ(t.heard.bytes, "waits");
}

TEST(ClientStream, WriteThatFailsIsToldEvenWhilePaused) {
  TestServer server;
  Stream t;
  ASSERT_TRUE(t.open(server));
  Fd peer = server.accept();
  t.stream.set_paused(true);
  TestServer::reset(peer);
  ASSERT_TRUE(t.until([&] {
    t.stream.write("x");
    t.stream.flush();
    return t.heard.lost == 1;
  }));
}

TEST(ClientStream, BusyStreamLetsOthersHaveTheirTurn) {
  TestServer server;
  Stream t;
  ASSERT_TRUE(t.open(server));
  Fd peer = server.accept();
  std::atomic<bool> enough{false};
  std::thread flood([&] {
    const std::string block(256 * 1024, 'x');
    while (!enough && ::send(peer.get(), block.data(), block.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  std::size_t most = 0;
  for (int turn = 0; turn < 50; ++turn) {
    t.heard.bytes.clear();
    t.loop.turn(t, 100);
    most = std::max(most, t.heard.bytes.size());
  }
  enough = true;
  t.stream.close();
  flood.join();
  EXPECT_GT(most, 0U);
  EXPECT_LE(most, 2U * 256 * 1024);  // by its event, and by the turn that it had asked for
}

TEST(ClientStream, ClosedInItsCallbackIsSilentAndMayBeOpenedAgain) {
  TestServer server;
  Stream t;
  t.heard.when_bytes = [&] {
    t.heard.when_bytes = nullptr;
    t.stream.close();
    t.stream.open({.endpoint = server.endpoint()});
  };
  ASSERT_TRUE(t.open(server));
  Fd first = server.accept();
  TestServer::say(first.get(), "one");
  first.reset();
  ASSERT_TRUE(t.until([&] { return t.heard.opened == 2; }));
  EXPECT_EQ(t.heard.lost, 0);
  Fd second = server.accept();
  TestServer::say(second.get(), "two");
  ASSERT_TRUE(t.until([&] { return t.heard.bytes == "onetwo"; }));
}

TEST(ClientStream, LostOneMayBeOpenedAgainInTheCallback) {
  TestServer server;
  Stream t;
  t.heard.when_open = [&] {
    if (t.heard.opened == 1) {
      t.stream.close();
      t.stream.open({.endpoint = server.endpoint()});
    }
  };
  t.heard.when_lost = [&] { t.stream.open({.endpoint = server.endpoint()}); };
  t.stream.open({.endpoint = server.endpoint()});
  Fd closed = server.accept();
  ASSERT_TRUE(t.until([&] { return t.heard.opened == 2; }));
  server.accept().reset();
  ASSERT_TRUE(t.until([&] { return t.heard.opened == 3; }));
  EXPECT_EQ(t.heard.lost, 1);
}

TEST(ClientStream, MayBeDestroyedInTheCallbackOfAnotherOfTheSameTurn) {
  TestServer server;
  TestLoop t;
  Listener first;
  Listener second;
  std::optional<ClientStream> one(std::in_place, t.loop, first);
  std::optional<ClientStream> two(std::in_place, t.loop, second);
  one->open({.endpoint = server.endpoint()});
  two->open({.endpoint = server.endpoint()});
  ASSERT_TRUE(t.until([&] { return first.opened + second.opened == 2; }));
  Fd peers[] = {server.accept(), server.accept()};
  first.when_bytes = [&] { two.reset(); };
  second.when_bytes = [&] { one.reset(); };
  for (Fd& peer : peers) {
    TestServer::say(peer.get(), "x");
  }
  ASSERT_TRUE(t.until([&] { return first.bytes.size() + second.bytes.size() > 0; }));
  t.loop.turn(t, 0);
  EXPECT_EQ(first.bytes.size() + second.bytes.size(), 1U);
}

TEST(ClientStream, OnePieceAtATimeIsWrittenToTheEnd) {
  TestServer server;
  Stream t;
  BadCalls calls;
  calls.most_sent = 3;
  ASSERT_TRUE(t.open({.endpoint = server.endpoint(), .calls = &calls}));
  Fd peer = server.accept();
  t.stream.write("0123456789");
  t.stream.flush();
  ASSERT_TRUE(TestServer::readable(peer.get(), 10'000));
  EXPECT_EQ(TestServer::read_some(peer.get()), "0123456789");
}

TEST(ClientStream, InterruptedCallsAreMadeAgain) {
  for (const auto call : {BadCalls::kRecv, BadCalls::kSend}) {
    TestServer server;
    Stream t;
    BadCalls calls;
    calls.call = call;
    calls.error = EINTR;
    ASSERT_TRUE(t.open({.endpoint = server.endpoint(), .calls = &calls}));
    Fd peer = server.accept();
    t.stream.write("out");
    t.stream.flush();
    TestServer::say(peer.get(), "in");
    ASSERT_TRUE(t.until([&] { return t.heard.bytes == "in"; })) << t.heard.why;
    ASSERT_TRUE(TestServer::readable(peer.get(), 10'000));
    EXPECT_EQ(TestServer::read_some(peer.get()), "out");
  }
}

// Each call in turn, at its first, second, … use, until a whole conversation meets none that fails.
TEST(ClientStream, FailsCleanlyAtEachSystemCall) {
  // They outlive this test: the thread of a lookup that nobody waits for any more may still be in one of them.
  static auto& all_calls = *new std::deque<BadCalls>;
  for (int call = 0; call < BadCalls::kCount; ++call) {
    for (int at = 0;; ++at) {
      ASSERT_LT(at, 50) << BadCalls::kNames[static_cast<std::size_t>(call)];
      SCOPED_TRACE(std::string(BadCalls::kNames[static_cast<std::size_t>(call)]) + " " + std::to_string(at));
      TestServer server;
      Stream t;
      BadCalls& calls = all_calls.emplace_back();
      calls.call = static_cast<BadCalls::Call>(call);
      calls.at = at;
      calls.addresses = {"127.0.0.1"};
      t.heard.when_open = [&] {
        t.stream.write("question");
        t.stream.flush();
      };
      t.stream.open({.endpoint = server.endpoint("some.internal"), .open_timeout = 5'000, .calls = &calls});
      Fd peer;
      ASSERT_TRUE(t.until([&] {
        if (!peer && server.someone_waits()) {
          peer = server.accept();
        }
        if (peer && TestServer::read_some(peer.get()) == "question") {
          TestServer::say(peer.get(), "answer");
        }
        return t.heard.lost == 1 || t.heard.bytes == "answer";
      }));
      EXPECT_EQ(t.heard.lost, calls.failed);
      if (calls.failed == 0) {
        break;
      }
      EXPECT_FALSE(t.heard.why.empty());
      EXPECT_FALSE(t.stream.is_open());
    }
  }
}

}  // namespace
}  // namespace pushwire::net
