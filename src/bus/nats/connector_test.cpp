#include "bus/nats/connector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <set>
#include <thread>

#include "net/stream_test_support.h"

namespace pushwire::bus::nats {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(NatsServerName, IsReadFromAnAddressOrAUrl) {
  const ServerName plain = parse_server("10.0.0.5:4222");
  EXPECT_EQ(plain.url, "nats://10.0.0.5:4222");
  EXPECT_EQ(plain.host, "10.0.0.5");
  EXPECT_EQ(plain.address, "10.0.0.5:4222");
  EXPECT_EQ(parse_server("bus.example").host, "bus.example");
  EXPECT_EQ(parse_server("tls://bus.example:4443").url, "tls://bus.example:4443");
  EXPECT_EQ(parse_server("[::1]:4222").host, "::1");
}

TEST(NatsServerName, KeepsAPasswordOutOfTheLog) {
  const ServerName name = parse_server("nats://me:se@cret@bus.example:4222");
  EXPECT_EQ(name.address, "bus.example:4222");
  EXPECT_EQ(name.host, "bus.example");
}

TEST(NatsFailure, NamesTheSettingToLookAt) {
  const auto told = [](natsStatus status, const NatsSettings& settings) {
    return explain_failure(status, "text", settings, "a:1");
  };
  NatsSettings none, user, token, file, tls;
  user.username = "u";
  token.token = "t";
  file.credentials_file = "f";
  tls.tls = true;
  EXPECT_THAT(told(NATS_CONNECTION_AUTH_FAILED, user), StartsWith("bus.nats.password: a:1 refused it"));
  EXPECT_THAT(told(NATS_CONNECTION_AUTH_FAILED, token), StartsWith("bus.nats.token: "));
  EXPECT_THAT(told(NATS_CONNECTION_AUTH_FAILED, file), StartsWith("bus.nats.credentials_file: "));
  EXPECT_THAT(told(NATS_CONNECTION_AUTH_FAILED, none), StartsWith("bus.nats.username"));
  EXPECT_THAT(told(NATS_ERR, file), StartsWith("bus.nats.credentials_file: "));
  EXPECT_THAT(told(NATS_SSL_ERROR, tls), StartsWith("bus.nats.tls_ca: "));
  EXPECT_THAT(told(NATS_SSL_ERROR, none), StartsWith("bus.nats.tls: "));
  EXPECT_THAT(told(NATS_SECURE_CONNECTION_WANTED, tls), StartsWith("bus.nats.tls: "));
  EXPECT_THAT(told(NATS_NO_SERVER, none), StartsWith("bus.nats.servers: "));
  EXPECT_THAT(told(NATS_TIMEOUT, none), StartsWith("bus.nats.servers: "));
  EXPECT_THAT(told(NATS_IO_ERROR, none), StartsWith("bus.nats.servers: "));
}

TEST(NatsConnector, RefusesSettingsThatCannotWork) {
  const Library library;
  NatsSettings settings;
  settings.servers.clear();
  EXPECT_THAT(Connector(settings).start().error().message, StartsWith("bus.nats.servers"));
  settings.servers = {"127.0.0.1:1"};
  settings.tls = true;
  settings.tls_ca = "/nowhere/ca.pem";
  EXPECT_THAT(Connector(settings).start().error().message, StartsWith("bus.nats.tls_ca"));
}

TEST(NatsConnector, TellsThatNobodyIsThereAndCanBeAskedAgain) {
  const Library library;
  NatsSettings settings;
  settings.servers = {"127.0.0.1:1"};  // nobody listens there
  Connector connector(settings);
  ASSERT_TRUE(connector.start());
  for (int round = 0; round < 2; ++round) {
    connector.connect();
    pollfd ready{connector.fd(), POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 10'000), 1);
    const auto outcome = connector.take();
    ASSERT_TRUE(outcome);
    ASSERT_FALSE(*outcome);
    EXPECT_THAT(outcome->error().message, StartsWith("bus.nats.servers: no NATS server at 127.0.0.1:1"));
    EXPECT_FALSE(connector.take());
  }
}

std::ptrdiff_t count_threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
}

// The threads of attempts that were left behind end once their server has. First in a test, so that it waits for them
// at its end: a process must not end while they give libnats back.
class AttemptsEnd {
 public:
  AttemptsEnd() = default;
  AttemptsEnd(const AttemptsEnd&) = delete;
  AttemptsEnd& operator=(const AttemptsEnd&) = delete;
  ~AttemptsEnd() {
    for (const MonotonicMs end = monotonic_ms() + 10'000; count_threads() > before_ && monotonic_ms() < end;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_LE(count_threads(), before_);
  }

 private:
  const std::ptrdiff_t before_ = count_threads();
};

// Says that it wants TLS, and nothing more to whoever begins it.
class SilentTlsServer {
 public:
  SilentTlsServer() : thread_([this] { run(); }) {}
  SilentTlsServer(const SilentTlsServer&) = delete;
  SilentTlsServer& operator=(const SilentTlsServer&) = delete;
  ~SilentTlsServer() {
    stop_ = true;
    thread_.join();
  }
  std::string address() const { return server_.endpoint().to_string(); }
  int handshakes() const { return handshakes_; }

 private:
  void run() {
    std::vector<net::Fd> peers;
    while (!stop_) {
      if (server_.someone_waits()) {
        peers.push_back(server_.accept());
        net::test::TestServer::say(peers.back().get(),
                                   R"(INFO {"server_id":"x","version":"2.9.0","headers":true,"max_payload":1000,)"
                                   R"("tls_required":true})"
                                   "\r\n");
      }
      if (!peers.empty() && net::test::TestServer::readable(peers.back().get(), 10)) {
        (void)net::test::TestServer::read_some(peers.back().get(), 4096);
        ++handshakes_;
      }
    }
  }

  net::test::TestServer server_;
  std::atomic<bool> stop_{false};
  std::atomic<int> handshakes_{0};
  std::thread thread_;
};

std::string failure_of(Connector& connector) {
  connector.connect();
  for (;;) {
    if (const auto outcome = connector.take()) {
      return *outcome ? "connected" : outcome->error().message;
    }
    pollfd ready{connector.fd(), POLLIN, 0};
    (void)poll(&ready, 1, 20);
  }
}

TEST(NatsConnector, LeavesAnAttemptBehindInWhichTheServerFallsSilentAndTriesTheNext) {
  const AttemptsEnd attempts_end;
  const Library library;
  const SilentTlsServer silent;
  NatsSettings settings;
  settings.servers = {silent.address(), "127.0.0.1:1"};
  settings.tls = true;
  Connector connector(settings, 500);
  ASSERT_TRUE(connector.start());
  const std::set<std::string> told{failure_of(connector), failure_of(connector)};
  EXPECT_THAT(told, testing::UnorderedElementsAre(
                        StartsWith("bus.nats.servers: no connection to " + silent.address() + " within 500 ms"),
                        StartsWith("bus.nats.servers: no NATS server at 127.0.0.1:1")));
}

TEST(NatsConnector, PassesOverAServerAtWhichTooManyAttemptsHang) {
  const AttemptsEnd attempts_end;
  const Library library;
  const SilentTlsServer silent;
  NatsSettings settings;
  settings.servers = {silent.address()};
  settings.tls = true;
  Connector connector(settings, 200);
  ASSERT_TRUE(connector.start());
  for (std::size_t i = 0; i < Connector::kMostHanging; ++i) {
    EXPECT_THAT(failure_of(connector), HasSubstr("within 200 ms"));
  }
  const int before = silent.handshakes();
  EXPECT_THAT(failure_of(connector),
              HasSubstr("4 attempts to connect to " + silent.address() + " hang (name server, or TLS handshake)"));
  EXPECT_EQ(silent.handshakes(), before);
}

TEST(NatsConnector, StopsAlthoughTheServerFallsSilentInTheHandshake) {
  const AttemptsEnd attempts_end;
  const Library library;
  const SilentTlsServer silent;
  NatsSettings settings;
  settings.servers = {silent.address()};
  settings.tls = true;
  Connector connector(settings);
  ASSERT_TRUE(connector.start());
  connector.connect();
  while (silent.handshakes() == 0) {
    std::this_thread::yield();
  }
  connector.stop();
  EXPECT_FALSE(connector.take());
}

TEST(NatsConnector, StopsInTheMiddleOfAnAttempt) {
  const Library library;
  NatsSettings settings;
  settings.servers = {"127.0.0.1:1"};
  Connector connector(settings);
  ASSERT_TRUE(connector.start());
  connector.connect();
  connector.stop();
  EXPECT_FALSE(connector.take());
}

}  // namespace
}  // namespace pushwire::bus::nats
