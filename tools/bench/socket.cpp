#include "bench/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace pushwire::bench {

Result<net::Fd> start_connecting(const net::Address& to, unsigned source) {
  net::Fd fd(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    return fail(std::string("cannot make a socket: ") + std::strerror(errno));
  }
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (source > 0 && to.storage.ss_family == AF_INET) {
    ::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source - 1);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) {
      return fail(std::string("cannot use a source address: ") + std::strerror(errno));
    }
  }
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) != 0 && errno != EINPROGRESS) {
    return fail(std::string("cannot connect to ") + to.to_string() + ": " + std::strerror(errno));
  }
  return fd;
}

void close_hard(net::Fd& fd) noexcept {
  if (fd) {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    fd.reset();
  }
}

bool write_some(int fd, std::string& text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (written < 0) {
      return errno == EAGAIN;
    }
    text.erase(0, static_cast<std::size_t>(written));
  }
  return true;
}

std::optional<std::string_view> read_some(int fd) noexcept {
  static std::array<char, kReadBytes> buffer;  // one thread per process
  const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
  if (got > 0) {
    return std::string_view(buffer.data(), static_cast<std::size_t>(got));
  }
  return got < 0 && errno == EAGAIN ? std::optional(std::string_view()) : std::nullopt;
}

}  // namespace pushwire::bench
