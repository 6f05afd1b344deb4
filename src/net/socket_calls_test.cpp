#include "net/socket_calls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "net/stream_test_support.h"

namespace pushwire::net {
namespace {

int option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

TEST(SocketCalls, SocketDoesNotBlockAndIsTuned) {
  const Fd fd(SocketCalls::kernel().socket(AF_INET));
  ASSERT_TRUE(fd);
  EXPECT_NE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  tune_outgoing(fd.get());
  EXPECT_NE(option(fd.get(), IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_NE(option(fd.get(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST(SocketCalls, WritingToNobodyIsAnErrorAndNoSignal) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const Fd ours(ends[0]);
  ::close(ends[1]);
  EXPECT_EQ(SocketCalls::kernel().send(ours.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

// A socket that is bound and then connected to its own port is connected: to itself.
TEST(SocketCalls, ConnectionToOneselfIsTold) {
  const Fd fd(SocketCalls::kernel().socket(AF_INET));
  const Address any = *parse_address("127.0.0.1", 0);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any.storage), any.length), 0);
  (void)SocketCalls::kernel().connect(fd.get(), local_address(fd.get()));
  ASSERT_EQ(SocketCalls::kernel().connect_error(fd.get()), 0);
  EXPECT_TRUE(meets_itself(fd.get()));

  test::TestServer server;
  const Fd other(SocketCalls::kernel().socket(AF_INET));
  (void)SocketCalls::kernel().connect(other.get(), *parse_address("127.0.0.1", server.endpoint().port));
  const Fd peer = server.accept();
  EXPECT_FALSE(meets_itself(other.get()));
}

}  // namespace
}  // namespace pushwire::net
