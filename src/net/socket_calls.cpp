#include "net/socket_calls.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace pushwire::net {
namespace {

void set_option(int fd, int level, int name, int value) noexcept {
  // Each only improves something; without it the stream still works.
  (void)::setsockopt(fd, level, name, &value, sizeof value);
}

}  // namespace

int SocketCalls::socket(int family) const {
  return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}

int SocketCalls::connect(int fd, const Address& address) const {
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.length);
}

int SocketCalls::connect_error(int fd) const {
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

ssize_t SocketCalls::recv(int fd, char* buffer, std::size_t size) const {
  return ::recv(fd, buffer, size, 0);
}

ssize_t SocketCalls::send(int fd, const char* bytes, std::size_t size) const {
  return ::send(fd, bytes, size, MSG_NOSIGNAL);
}

bool SocketCalls::watch(EventLoop& loop, int fd, std::uint32_t events, IoHandler& handler) const {
  return loop.add(fd, events, handler);
}

int SocketCalls::lookup(const char* host, const char* port, const addrinfo& hints, addrinfo** found) const {
  return ::getaddrinfo(host, port, &hints, found);
}

const SocketCalls& SocketCalls::kernel() noexcept {
  // Never destroyed: a lookup may still run when the process ends.
  static const SocketCalls* const calls = new SocketCalls;
  return *calls;
}

void tune_outgoing(int fd) noexcept {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 20'000);
}

bool meets_itself(int fd) {
  const Address here = local_address(fd);
  return here.length != 0 && here.to_string() == peer_address(fd).to_string();
}

}  // namespace pushwire::net
