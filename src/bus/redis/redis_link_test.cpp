#include "bus/redis/redis_link.h"

#include <gmock/gmock.h>

#include <array>
#include <cerrno>

#include "bus/redis/link_test_support.h"
#include "net/socket_calls.h"

namespace pushwire::bus {
namespace {

using namespace redis::test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct RedisLink : LinkTest {};
struct RedisLinkEachMode : EachMode {};
INSTANTIATE_TEST_SUITE_P(Redis, RedisLinkEachMode, ::testing::Values(RedisMode::kPubSub, RedisMode::kStreams),
                         mode_name);

TEST_P(RedisLinkEachMode, RecordsComeBackInOrderAndAreConfirmed) {
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

TEST_P(RedisLinkEachMode, SaysNothingAfterClose) {
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
TEST_P(RedisLinkEachMode, ComesBackAfterAFailureOfEachSystemCall) {
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

TEST_F(RedisLink, NamespaceKeepsClustersApart) {
  settings.name_space = "blue";
  ASSERT_TRUE(up(RedisMode::kPubSub));
  send(1, "x");
  ASSERT_TRUE(wait([&] { return seen.sent.size() == 1; }));
  EXPECT_THAT(server.heard.back(), ElementsAre("PUBLISH", "blue.push", "x"));
}

}  // namespace
}  // namespace pushwire::bus
