#include "net/tls_connection.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace pushwire::net {

// What OpenSSL reads from and writes to: the socket, without ever having to wait for it to write.
struct SocketBio {
  static TlsConnection& of(BIO* bio) { return *static_cast<TlsConnection*>(::BIO_get_data(bio)); }

  static int read(BIO* bio, char* room, int size) {
    TlsConnection& connection = of(bio);
    ::BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    ssize_t got = -1;
    do {
      got = ::recv(connection.fd_, room, static_cast<std::size_t>(size), MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got == 0) {
      connection.ended_ = true;
    } else if (got < 0 && errno == EAGAIN) {
      ::BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY);
    } else if (got < 0) {
      connection.error_ = errno;
    }
    return static_cast<int>(got);
  }

  static int write(BIO* bio, const char* bytes, int size) {
    ::BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    return of(bio).write_socket({bytes, static_cast<std::size_t>(size)}) ? size : -1;
  }

  static long control(BIO* bio, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_EOF:
        return of(bio).ended_ ? 1 : 0;
      default:
        return 0;
    }
  }

  static int create(BIO* bio) {
    ::BIO_set_init(bio, 1);
    return 1;
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* fresh = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
      PW_CHECK(fresh != nullptr);
      ::BIO_meth_set_read(fresh, read);
      ::BIO_meth_set_write(fresh, write);
      ::BIO_meth_set_ctrl(fresh, control);
      ::BIO_meth_set_create(fresh, create);
      return fresh;
    }();
    return made;
  }
};

std::unique_ptr<TlsConnection> TlsConnection::make(std::shared_ptr<const TlsServer> server, int fd) {
  ::ERR_clear_error();
  std::unique_ptr<TlsConnection> connection(new TlsConnection(std::move(server), fd));
  connection->ssl_.reset(::SSL_new(connection->server_->context()));
  BIO* bio = connection->ssl_ ? ::BIO_new(SocketBio::method()) : nullptr;
  if (bio == nullptr) {
    ::ERR_clear_error();
    return nullptr;
  }
  ::BIO_set_data(bio, connection.get());
  ::SSL_set_bio(connection->ssl_.get(), bio, bio);  // owns it from now on
  ::SSL_set_accept_state(connection->ssl_.get());
  return connection;
}

TlsConnection::~TlsConnection() = default;

bool TlsConnection::write_socket(std::string_view bytes) {
  if (waiting_.empty()) {
    ssize_t sent = -1;
    do {
      sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM) {
      error_ = errno;
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
  }
  if (waiting_.size() + bytes.size() > kMostWaiting) {
    error_ = EPROTO;
    return false;
  }
  waiting_ += bytes;
  return true;
}

ssize_t TlsConnection::receive(std::span<char> room) {
  ::ERR_clear_error();
  std::size_t got = 0;
  if (::SSL_read_ex(ssl_.get(), room.data(), room.size(), &got) == 1) {
    return static_cast<ssize_t>(got);
  }
  switch (::SSL_get_error(ssl_.get(), 0)) {
    case SSL_ERROR_WANT_READ:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      ::ERR_clear_error();
      errno = error_ != 0 ? error_ : EPROTO;
      return -1;
  }
}

ssize_t TlsConnection::send(std::string_view bytes) {
  if (blocked() && !flush()) {
    return -1;
  }
  if (blocked()) {
    errno = EAGAIN;
    return -1;
  }
  ::ERR_clear_error();
  std::size_t taken = 0;
  if (::SSL_write_ex(ssl_.get(), bytes.data(), std::min(bytes.size(), kMostPerRecord), &taken) == 1) {
    return static_cast<ssize_t>(taken);
  }
  ::ERR_clear_error();
  errno = error_ != 0 ? error_ : EPROTO;
  return -1;
}

bool TlsConnection::flush() {
  std::size_t gone = 0;
  while (gone < waiting_.size()) {
    const ssize_t sent = ::send(fd_, waiting_.data() + gone, waiting_.size() - gone, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)) {
      break;
    }
    if (sent < 0) {
      error_ = errno;
      return false;
    }
    gone += static_cast<std::size_t>(sent);
  }
  waiting_.erase(0, gone);
  if (waiting_.empty()) {
    std::string().swap(waiting_);  // at rest it holds no buffer
  }
  return true;
}

void TlsConnection::shutdown() {
  if (established() && error_ == 0) {
    ::ERR_clear_error();
    (void)::SSL_shutdown(ssl_.get());
    ::ERR_clear_error();
  }
}

}  // namespace pushwire::net
