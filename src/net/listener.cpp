#include "net/listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace pushwire::net {
namespace {

Fd open_reserve() {
  return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

}  // namespace

Result<> check_unused(const Address& address) {
  const Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || address.port() == 0) {
    return {};
  }
  (void)set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.storage.ss_family == AF_INET6) {
    (void)set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0 &&
      errno == EADDRINUSE) {
    return fail(fmt::format("cannot listen on {}: {}", address.to_string(), std::strerror(errno)));
  }
  return {};
}

Result<Fd> listen_on(const Address& address, const ListenOptions& options) {
  const auto why = [&](const char* what) {
    return fail(fmt::format("cannot {} {}: {}", what, address.to_string(), std::strerror(errno)));
  };
  Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    return why("open a socket for");
  }
  if (!set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1) || !set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1) ||
      !set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1) ||
      !set_option(fd.get(), SOL_SOCKET, SO_SNDBUF, options.send_buffer_bytes)) {
    return why("set the options of");
  }
  if (address.storage.ss_family == AF_INET6 && !set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1)) {
    return why("set the options of");
  }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0) {
    return why("listen on");
  }
  if (::listen(fd.get(), options.backlog) != 0) {
    return why("listen on");
  }
  return fd;
}

Listener::Listener(EventLoop& loop, Fd fd, AcceptHandler& handler, std::uint16_t tag)
    : loop_(loop), fd_(std::move(fd)), reserve_(open_reserve()), handler_(handler), tag_(tag) {
  PW_CHECK(loop_.add(fd_.get(), EPOLLIN, *this));
}

Listener::~Listener() {
  loop_.cancel_run_again(*this);
}

void Listener::on_io(std::uint32_t events) {
  if (events != 0 && accepts_on_) {
    return;  // the call that waits for the next turn takes these too
  }
  accepts_on_ = false;
  if (!reserve_) {
    reserve_ = open_reserve();  // another thread was faster when it was last given up
  }
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    if (!handler_.can_accept(tag_)) {
      return;  // resume() goes on
    }
    const int accepted = ::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) {
      handler_.on_accept(Fd(accepted), tag_);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE) {
      if (!turn_one_away()) {
        return;  // not even one descriptor: resume() tries again later
      }
    } else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
      return;
    }
    // Everything else (ECONNABORTED, EINTR, a network error of that one connection): the next one.
  }
  if (!accepts_on_) {
    accepts_on_ = true;
    loop_.run_again(*this);
  }
}

bool Listener::turn_one_away() {
  reserve_.reset();
  Fd turned_away(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const bool freed = static_cast<bool>(turned_away);
  turned_away.reset();
  reserve_ = open_reserve();
  if (freed) {
    handler_.on_no_descriptor(tag_);
  }
  return freed;
}

}  // namespace pushwire::net
