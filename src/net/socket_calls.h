// SocketCalls: the system calls of an outgoing stream, so that a test can let each of them fail in turn. These are the
// kernel's. Stateless; any thread. Errors as the calls tell them: -1 and errno.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "net/address.h"
#include "net/event_loop.h"

struct addrinfo;

namespace pushwire::net {

struct SocketCalls {
  SocketCalls() = default;
  SocketCalls(const SocketCalls&) = delete;
  SocketCalls& operator=(const SocketCalls&) = delete;
  virtual ~SocketCalls() = default;

  // A TCP socket, non-blocking, closed on exec.
  virtual int socket(int family) const;
  virtual int connect(int fd, const Address& address) const;
  // How a connect() in progress ended: 0 or an errno.
  virtual int connect_error(int fd) const;
  virtual ssize_t recv(int fd, char* buffer, std::size_t size) const;
  virtual ssize_t send(int fd, const char* bytes, std::size_t size) const;
  virtual bool watch(EventLoop& loop, int fd, std::uint32_t events, IoHandler& handler) const;
  // getaddrinfo(): called on a thread of its own, which may outlive the stream but not this object.
  virtual int lookup(const char* host, const char* port, const addrinfo& hints, addrinfo** found) const;

  static const SocketCalls& kernel() noexcept;
};

// Small records go at once, and a peer that is gone without a word is found out even when nobody asks it anything.
void tune_outgoing(int fd) noexcept;
// A connection to a port of the range for outgoing ones, where nobody listens, may meet itself.
bool meets_itself(int fd);

}  // namespace pushwire::net
