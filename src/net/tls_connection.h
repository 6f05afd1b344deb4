// TlsConnection: the server's side of TLS on one accepted socket: as recv(2) and send(2), with the handshake inside.
//
// What is sent is encrypted at once and given to the kernel; what a full socket does not take waits here, and nothing
// more may be sent until it has gone (blocked()). So a caller's bytes are never offered twice, and it alone decides
// what goes next. Cipher text that waits is bounded: one record of the caller's, and what the protocol itself has to
// say. At rest it holds no buffer (SSL_MODE_RELEASE_BUFFERS). Thread: one at a time; it may move to another between
// calls. Lifetime: the descriptor outlives it and is its owner's.
#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/tls_server.h"

namespace pushwire::net {

class TlsConnection {
 public:
  static constexpr std::size_t kMostPerRecord = 16'384;  // RFC 8446 5.1
  // The protocol's own words (answers to key updates) to a client that reads nothing: then it ends.
  static constexpr std::size_t kMostWaiting = 64 * 1024;

  // Null: no memory.
  static std::unique_ptr<TlsConnection> make(std::shared_ptr<const TlsServer> server, int fd);
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;
  ~TlsConnection();

  // As recv(2): 0 at the end of the stream; -1 and EAGAIN when nothing more is here, EPROTO when the client breaks the
  // protocol. One record at a time: fewer bytes than fit do not mean that there are no more. May leave it blocked().
  ssize_t receive(std::span<char> room);
  // As send(2), at most kMostPerRecord bytes a call: all of those are taken, or -1. EAGAIN: blocked().
  ssize_t send(std::string_view bytes);
  // Bytes for the socket that wait until it takes some.
  bool blocked() const noexcept { return !waiting_.empty(); }
  // Gives them to the kernel. False: the connection is broken (errno).
  bool flush();
  // Tells the client that nothing more will come (close_notify), if that is possible now.
  void shutdown();

  // The handshake has ended well.
  bool established() const noexcept { return ::SSL_is_init_finished(ssl_.get()) == 1; }
  // More has been received than read: no event will tell of it.
  bool has_pending() const noexcept { return ::SSL_has_pending(ssl_.get()) == 1; }

 private:
  struct Free {
    void operator()(SSL* ssl) const noexcept { ::SSL_free(ssl); }
  };
  friend struct SocketBio;

  TlsConnection(std::shared_ptr<const TlsServer> server, int fd) : server_(std::move(server)), fd_(fd) {}
  bool write_socket(std::string_view bytes);

  std::shared_ptr<const TlsServer> server_;
  std::unique_ptr<SSL, Free> ssl_;
  std::string waiting_;
  int fd_;
  int error_ = 0;  // of the socket
  bool ended_ = false;
};

}  // namespace pushwire::net
