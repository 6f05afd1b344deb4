// For tests only: a loop that turns until something happened, servers on loopback, certificates made on the spot.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/test_folder.h"
#include "net/address.h"
#include "net/client_stream.h"
#include "net/fd.h"

namespace pushwire::net::test {

using pushwire::test::TestFolder;

// A loop with the turn of a bus, and nothing of one's own in it but `at_end`.
class TestLoop : public TurnHandler {
 public:
  virtual ~TestLoop() = default;

  std::function<void()> at_end;

  // Turns until `done`; false when it takes longer than `most_ms`.
  bool until(const std::function<bool()>& done, MonotonicMs most_ms = 10'000) {
    const MonotonicMs end = monotonic_ms() + most_ms;
    while (!done()) {
      if (monotonic_ms() > end) {
        return false;
      }
      loop.turn(*this, 20);
    }
    return true;
  }

  EventLoop loop;

 private:
  void drain_mail() override {}
  void on_timers(MonotonicMs now) override { loop.timers().expire(now); }
  void flush() override {
    if (at_end) {
      at_end();
    }
  }
  void destroy_closed() override {}
  bool has_work() const override { return false; }
};

// Listens on a free port of 127.0.0.1. Its sockets block, but no call waits longer than some seconds.
class TestServer {
 public:
  explicit TestServer(int backlog = 16) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    Address address = *parse_address("127.0.0.1", 0);
    PW_CHECK(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0);
    PW_CHECK(::listen(listener_.get(), backlog) == 0);
    port_ = local_address(listener_.get()).port();
  }

  Endpoint endpoint(std::string host = "127.0.0.1") const { return {std::move(host), port_}; }
  bool someone_waits() const { return readable(listener_.get(), 0); }
  Fd accept() {
    PW_CHECK(readable(listener_.get(), 10'000));
    Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const timeval limit{10, 0};
    (void)::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)::setsockopt(peer.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return peer;
  }
  void stop() { listener_.reset(); }

  static bool readable(int fd, int most_ms) {
    pollfd wanted{fd, POLLIN, 0};
    return ::poll(&wanted, 1, most_ms) == 1;
  }
  // What is there now, at most `most` bytes.
  static std::string read_some(int fd, std::size_t most = 65536) {
    std::string bytes(most, '\0');
    const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  static void say(int fd, std::string_view bytes) {
    PW_CHECK(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  // Ends the connection with a reset.
  static void reset(Fd& peer) {
    const linger now{1, 0};
    (void)::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    peer.reset();
  }

 private:
  Fd listener_;
  std::uint16_t port_ = 0;
};

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct CertificateFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

// A key and its certificate, from itself (an authority) or from another.
struct Identity {
  std::unique_ptr<EVP_PKEY, KeyFree> key{EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")};
  std::unique_ptr<X509, CertificateFree> certificate{X509_new()};

  // `names` as OpenSSL writes subjectAltName: "DNS:localhost,IP:127.0.0.1"; empty: an authority.
  Identity(const std::string& common_name, const std::string& names, const Identity* issuer, long valid_from_s,
           long valid_to_s) {
    static long serial = 1;
    X509* made = certificate.get();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made), valid_from_s);
    X509_gmtime_adj(X509_getm_notAfter(made), valid_to_s);
    X509_set_pubkey(made, key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
    const Identity& signer = issuer != nullptr ? *issuer : *this;
    X509_set_issuer_name(made, X509_get_subject_name(signer.certificate.get()));
    extend(NID_basic_constraints, names.empty() ? "critical,CA:TRUE" : "CA:FALSE");
    if (!names.empty()) {
      extend(NID_subject_alt_name, names);
    }
    PW_CHECK(X509_sign(made, signer.key.get(), EVP_sha256()) != 0);
  }

  std::string pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PW_CHECK(PEM_write_bio_X509(bio, certificate.get()) == 1);
    char* data = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(bio, &data));
    std::string text(data, size);
    BIO_free(bio);
    return text;
  }

  std::string key_pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PW_CHECK(PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    char* data = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(bio, &data));
    std::string text(data, size);
    BIO_free(bio);
    return text;
  }

 private:
  void extend(int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    PW_CHECK(extension != nullptr && X509_add_ext(certificate.get(), extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
};

}  // namespace pushwire::net::test
