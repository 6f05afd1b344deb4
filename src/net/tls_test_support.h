// For tests only: a server's certificates in a folder, and a client of TLS on one end of a socket pair.
#pragma once

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "net/stream_test_support.h"
#include "net/tls_connection.h"
#include "net/tls_server.h"

namespace pushwire::net::test {

constexpr long kDayS = 86'400;

// An authority and what it has signed, as PEM files.
class Certificates {
 public:
  Certificates() : authority_("Test Authority", "", nullptr, -kDayS, kDayS) { write("ca.pem", authority_.pem()); }

  const Identity& authority() const noexcept { return authority_; }
  std::string authorities() const { return path("ca.pem"); }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    std::filesystem::permissions(path(name), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  // Files NAME.pem and NAME.key, for the host names of `names` ("DNS:a.test,DNS:*.b.test").
  CertificateFiles make(const std::string& name, const std::string& names, long valid_to_s = kDayS) const {
    const Identity made(name, names, &authority_, -kDayS, valid_to_s);
    write(name + ".pem", made.pem());
    write(name + ".key", made.key_pem());
    return {path(name + ".pem"), path(name + ".key")};
  }
  std::shared_ptr<const TlsServer> server(TlsServerOptions options) const {
    auto server = TlsServer::make(options);
    PW_CHECK(server.has_value());
    return *server;
  }

 private:
  TestFolder folder_;
  Identity authority_;
};

// The client's end. Every call returns at once.
class TlsTestClient {
 public:
  struct Options {
    std::string host = "a.test";
    int newest = TLS1_3_VERSION;
    const Identity* identity = nullptr;
    SSL_SESSION* resume = nullptr;
  };

  TlsTestClient(Fd fd, const Identity& authority, const Options& options)
      : fd_(std::move(fd)), context_(SSL_CTX_new(TLS_client_method())) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), authority.certificate.get());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_max_proto_version(context_.get(), options.newest);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
    if (options.identity != nullptr) {
      SSL_CTX_use_certificate(context_.get(), options.identity->certificate.get());
      SSL_CTX_use_PrivateKey(context_.get(), options.identity->key.get());
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), fd_.get());
    SSL_set_connect_state(ssl_.get());
    std::string host = options.host;
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data());
    if (options.resume != nullptr) {
      SSL_set_session(ssl_.get(), options.resume);
    }
  }

  SSL* ssl() const noexcept { return ssl_.get(); }
  int fd() const noexcept { return fd_.get(); }
  bool handshake() { return SSL_do_handshake(ssl_.get()) == 1; }
  bool send(std::string_view bytes) {
    std::size_t taken = 0;
    return SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &taken) == 1 && taken == bytes.size();
  }
  // What is there now.
  std::string receive() {
    std::string all;
    std::array<char, 16'384> part;
    std::size_t got = 0;
    while (SSL_read_ex(ssl_.get(), part.data(), part.size(), &got) == 1) {
      all.append(part.data(), got);
    }
    return all;
  }
  bool was_told_the_end() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  std::string name_in_certificate() const {
    char name[256] = "";
    X509* certificate = SSL_get1_peer_certificate(ssl_.get());
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    X509_free(certificate);
    return name;
  }
  void close() { fd_.reset(); }

 private:
  struct Free {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };
  Fd fd_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
};

// A client and the connection at the other end, both non-blocking.
struct TlsPair {
  TlsPair(std::shared_ptr<const TlsServer> tls, const Identity& authority, const TlsTestClient::Options& options = {}) {
    int ends[2];
    PW_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    ours = Fd(ends[0]);
    server = TlsConnection::make(std::move(tls), ours.get());
    client = std::make_unique<TlsTestClient>(Fd(ends[1]), authority, options);
  }
  // Whether both sides come to an end of the handshake.
  bool shake() {
    bool done = false;
    for (int i = 0; i < 10 && !(done && server->established()); ++i) {
      done = client->handshake();
      receive();
    }
    return done && server->established();
  }
  // What the server reads now; `last` is what the last call returned, and its errno.
  std::string receive() {
    std::string all;
    std::array<char, 65'536> room;
    while ((last = server->receive(room)) > 0) {
      all.append(room.data(), static_cast<std::size_t>(last));
    }
    error = last < 0 ? errno : 0;
    return all;
  }

  Fd ours;
  std::unique_ptr<TlsConnection> server;
  std::unique_ptr<TlsTestClient> client;
  ssize_t last = 0;
  int error = 0;
};

}  // namespace pushwire::net::test
