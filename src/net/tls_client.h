// TlsClient: which certificate authorities a server's certificate must come from. TLS 1.2 or 1.3.
// Immutable; any thread; shared by all streams of a bus.
//
// TlsSession: the client's side of one TLS connection, without any input or output of its own: cipher text goes in by
// feed() and comes out by take_cipher(). Not thread safe: its stream's thread.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/endpoint.h"

namespace pushwire::net {

class TlsClient {
 public:
  TlsClient(SSL_CTX* context, std::string authorities);
  SSL_CTX* context() const noexcept { return context_.get(); }
  // Where they come from, for messages: "/etc/ca.pem", "the system's list".
  const std::string& authorities() const noexcept { return authorities_; }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const noexcept { ::SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
  std::string authorities_;
};

// `ca_file`: PEM; empty: the system's authorities. The error names the file and what is wrong with it.
Result<std::shared_ptr<const TlsClient>> make_tls_client(const std::string& ca_file);

class TlsSession {
 public:
  // The server must prove with its certificate that it is `server`, by name or by address.
  static Result<std::unique_ptr<TlsSession>> make(std::shared_ptr<const TlsClient> client, const Endpoint& server);

  // What came from the socket.
  void feed(std::string_view cipher);
  enum class Progress { kMore, kDone, kFailed };
  // Goes on with the handshake. Failed: error() says why, and take_cipher() may hold an alert for the server.
  Progress handshake();
  // Plain bytes out of what was fed: how many were written to `buffer`, 0 when more must be fed first, -1 when the
  // server ended the session or broke its rules (error() says which).
  std::ptrdiff_t decrypt(char* buffer, std::size_t size);
  // False: error() says why.
  bool encrypt(std::string_view plain);
  // Appends what must go to the socket.
  void take_cipher(std::string& to);
  const std::string& error() const noexcept { return error_; }

 private:
  struct Free {
    void operator()(SSL* ssl) const noexcept { ::SSL_free(ssl); }
  };
  TlsSession(std::shared_ptr<const TlsClient> client, std::string server, SSL* ssl);
  void note_error(int ssl_error);
  std::string certificate_error(long code) const;

  std::shared_ptr<const TlsClient> client_;
  std::string server_;
  std::unique_ptr<SSL, Free> ssl_;
  std::string error_;
};

}  // namespace pushwire::net
