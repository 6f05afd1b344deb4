// TlsServer: the certificates that listeners show, TLS 1.2 and 1.3 (RFC 8446, RFC 5246).
//
// Several certificates are told apart by the host name that a client asks for (SNI, RFC 6066 3): one that carries the
// name, else one with a wildcard for it, else the first. A reload makes a new object; connections keep the one that
// they began with. Immutable; any thread.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pushwire::net {

struct CertificateFiles {
  std::string certificate;  // PEM: the server's own first, then the authorities between it and a root
  std::string key;          // PEM, without a password
};

struct TlsServerOptions {
  std::vector<CertificateFiles> certificates = {};  // at least one
  // PEM: clients must show a certificate of one of these authorities. Empty: they show none.
  std::string client_authorities = {};
};

class TlsServer {
 public:
  // The error names the file and what is wrong with it.
  static Result<std::shared_ptr<const TlsServer>> make(const TlsServerOptions& options);
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  SSL_CTX* context() const noexcept { return contexts_.front().get(); }
  // For a host name, in whatever case.
  SSL_CTX* context_for(std::string_view host) const;
  // When the first of the certificates is no longer valid.
  WallMs expires_at() const noexcept { return expires_at_; }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const noexcept { ::SSL_CTX_free(context); }
  };
  using Context = std::unique_ptr<SSL_CTX, Free>;

  TlsServer() = default;
  Result<> add(const CertificateFiles& files, const std::string& client_authorities);
  void remember_names(SSL_CTX* context);
  static int on_server_name(SSL* ssl, int* alert, void* server);

  std::vector<Context> contexts_;
  std::unordered_map<std::string, SSL_CTX*> by_name_;  // lower case; wildcards with their "*"
  WallMs expires_at_ = 0;
};

}  // namespace pushwire::net
