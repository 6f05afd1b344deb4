#include "net/listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <cerrno>
#include <vector>

namespace pushwire::net {
namespace {

struct Door final : AcceptHandler, TurnHandler {
  std::vector<Fd> accepted;
  std::uint16_t last_tag = 0;
  int turned_away = 0;
  bool open = true;

  void on_accept(Fd fd, std::uint16_t tag) override {
    accepted.push_back(std::move(fd));
    last_tag = tag;
  }
  void on_no_descriptor(std::uint16_t) override { ++turned_away; }
  bool can_accept(std::uint16_t) override { return open; }

  void drain_mail() override {}
  void on_timers(MonotonicMs) override {}
  void flush() override {}
  void destroy_closed() override {}
  bool has_work() const override { return false; }
};

Address loopback(std::uint16_t port = 0) {
  return parse_address("127.0.0.1", port).value();
}

Fd connect_to(int listener) {
  const Address to = local_address(listener);
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length);
  EXPECT_TRUE(result == 0 || errno == EINPROGRESS);
  return fd;
}

struct Fixture {
  EventLoop loop;
  Door door;
  Listener listener{loop, listen_on(loopback(), {}).value(), door, 7};

  void turns(int count = 5) {
    for (int i = 0; i < count; ++i) {
      loop.turn(door, 10);
    }
  }
};

int option(int fd, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &length), 0);
  return value;
}

TEST(Listener, AcceptsWithTheOptionsOfTheListener) {
  Fixture test;
  const Fd client = connect_to(test.listener.fd());
  test.turns();
  ASSERT_EQ(test.door.accepted.size(), 1U);
  EXPECT_EQ(test.door.last_tag, 7);
  const int fd = test.door.accepted[0].get();
  EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(option(fd, SOL_SOCKET, SO_SNDBUF), 2 * ListenOptions{}.send_buffer_bytes);
  EXPECT_EQ(peer_address(fd).to_string(), local_address(client.get()).to_string());
}

TEST(Listener, TwoMayShareAnAddress) {
  const Fd first = listen_on(loopback(), {}).value();
  EXPECT_TRUE(listen_on(loopback(local_address(first.get()).port()), {}));
}

TEST(Listener, AnAddressSomebodyListensOnIsNotUnused) {
  const Fd first = listen_on(loopback(), {}).value();
  const Address taken = local_address(first.get());
  const auto unused = check_unused(taken);
  ASSERT_FALSE(unused);
  EXPECT_NE(unused.error().message.find("cannot listen on " + taken.to_string()), std::string::npos);
  EXPECT_TRUE(check_unused(loopback()));
}

TEST(Listener, SaysWhatIsWrongWithAnAddress) {
  const auto fd = listen_on(parse_address("192.0.2.1", 1).value(), {});
  ASSERT_FALSE(fd);
  EXPECT_NE(fd.error().message.find("cannot listen on 192.0.2.1:1: "), std::string::npos) << fd.error().message;
}

TEST(Listener, LeavesClientsInTheQueueWhileTheDoorIsShut) {
  Fixture test;
  test.door.open = false;
  const Fd client = connect_to(test.listener.fd());
  test.turns();
  EXPECT_TRUE(test.door.accepted.empty());
  test.door.open = true;
  test.listener.resume();
  EXPECT_EQ(test.door.accepted.size(), 1U);
}

TEST(Listener, AcceptsMoreThanOneTurnTakes) {
  Fixture test;
  std::vector<Fd> clients;
  for (int i = 0; i < 150; ++i) {
    clients.push_back(connect_to(test.listener.fd()));
  }
  test.turns(1);
  EXPECT_EQ(test.door.accepted.size(), 128U);
  test.turns();
  EXPECT_EQ(test.door.accepted.size(), 150U);
}

// Lets this process have no descriptor more than it has now.
class NoDescriptorsLeft {
 public:
  NoDescriptorsLeft() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    const Fd lowest_free(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    none.rlim_cur = static_cast<rlim_t>(lowest_free.get());
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoDescriptorsLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptorsLeft(const NoDescriptorsLeft&) = delete;
  NoDescriptorsLeft& operator=(const NoDescriptorsLeft&) = delete;

 private:
  rlimit before_{};
};

// Attack 30.
TEST(Listener, TurnsClientsAwayWithoutSpinningWhenDescriptorsRunOut) {
  Fixture test;
  test.turns();
  std::vector<Fd> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect_to(test.listener.fd()));
  }
  {
    const NoDescriptorsLeft none;
    test.turns();
    EXPECT_EQ(test.door.turned_away, 3);
    EXPECT_TRUE(test.door.accepted.empty());
    const MonotonicMs start = monotonic_ms();
    test.turns(3);
    EXPECT_GE(monotonic_ms() - start, 25) << "the queue is empty, so the loop sleeps";
  }
  clients.push_back(connect_to(test.listener.fd()));
  test.turns();
  EXPECT_EQ(test.door.accepted.size(), 1U);
}

}  // namespace
}  // namespace pushwire::net
