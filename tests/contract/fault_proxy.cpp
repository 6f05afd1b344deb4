#include "fault_proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace pushwire::bus {
namespace {

constexpr int kPollMs = 10;

sockaddr_in address(const char* host, int port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host, &to.sin_addr);
  return to;
}

net::Fd listen_on(int port) {
  net::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const sockaddr_in at = address("127.0.0.2", port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || ::listen(fd.get(), 64) != 0) {
    ADD_FAILURE() << "cannot listen on 127.0.0.2:" << port << ": " << std::strerror(errno);
  }
  return fd;
}

// The other side sees a connection reset in place of an end.
void make_reset(const net::Fd& fd) {
  const linger now{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool send_all(const net::Fd& to, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(to.get(), bytes, size, MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace

FaultProxy::FaultProxy(const std::vector<int>& ports) : ports_(ports) {
  for (const int port : ports) {
    listeners_.push_back(listen_on(port));
  }
  thread_ = std::thread([this] { run(); });
}

FaultProxy::~FaultProxy() {
  stopping_.store(true);
  thread_.join();
}

void FaultProxy::cut_after(std::size_t chunks) {
  with_reset_.store(!with_reset_.load());
  left_.store(chunks);
}

void FaultProxy::heal() {
  left_.store(kNever);
  broken_.store(false);
}

void FaultProxy::run() {
  while (!stopping_.load()) {
    std::vector<pollfd> ready;
    for (const net::Fd& listener : listeners_) {
      ready.push_back({listener.get(), POLLIN, 0});
    }
    for (const Way& way : ways_) {
      ready.push_back({way.client.get(), POLLIN, 0});
      ready.push_back({way.server.get(), POLLIN, 0});
    }
    ::poll(ready.data(), ready.size(), kPollMs);
    std::size_t at = listeners_.size();
    for (auto way = ways_.begin(); way != ways_.end();) {
      bool alive = true;
      if (ready[at].revents != 0) {
        alive = carry(*way, way->client, way->server);
      }
      if (alive && ready[at + 1].revents != 0) {
        alive = carry(*way, way->server, way->client);
      }
      if (broken_.load()) {
        ways_.clear();
        break;
      }
      at += 2;
      way = alive ? std::next(way) : ways_.erase(way);
    }
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      if ((ready[i].revents & POLLIN) != 0) {
        accept_from(i);
      }
    }
  }
}

void FaultProxy::accept_from(std::size_t listener) {
  Way way;
  way.client = net::Fd(::accept4(listeners_[listener].get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!way.client || broken_.load()) {
    return;
  }
  way.server = net::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in to = address("127.0.0.1", ports_[listener]);
  if (::connect(way.server.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
    ways_.push_back(std::move(way));
  }
}

bool FaultProxy::carry(const Way& way, const net::Fd& from, const net::Fd& to) {
  std::array<char, 64 * 1024> bytes;
  const ssize_t got = ::recv(from.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return true;
  }
  if (got <= 0) {
    return false;
  }
  seen_.fetch_add(1);
  std::size_t left = left_.load();
  if (left == 0) {
    send_all(to, bytes.data(), static_cast<std::size_t>(got) / 2);
    if (with_reset_.load()) {
      make_reset(way.client);
    }
    broken_.store(true);
    return false;
  }
  if (left != kNever) {
    left_.compare_exchange_strong(left, left - 1);
  }
  return send_all(to, bytes.data(), static_cast<std::size_t>(got));
}

}  // namespace pushwire::bus
