#include "net/tls_client.h"

#include <gmock/gmock.h>

#include <csignal>

#include "net/socket_calls.h"
#include "net/stream_test_support.h"

namespace pushwire::net {
namespace {

using test::Identity;
using test::TestFolder;
using test::TestLoop;
using test::TestServer;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr long kDay = 86'400;

struct Listener final : StreamHandler {
  int opened = 0;
  int lost = 0;
  std::string bytes;
  std::string why;
  void on_open() override { ++opened; }
  void on_bytes(std::string_view more) override { bytes += more; }
  void on_lost(const Error& error) override {
    ++lost;
    why = error.message;
  }
};

// Takes one connection, agrees on TLS and sends back what it gets until the peer ends it.
class TlsEcho {
 public:
  TlsEcho(const Identity& identity, int newest = TLS1_3_VERSION, bool wants_certificate = false)
      : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate(context_, identity.certificate.get());
    SSL_CTX_use_PrivateKey(context_, identity.key.get());
    SSL_CTX_set_max_proto_version(context_, newest);
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_security_level(context_, 0);
    if (wants_certificate) {
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without regard to it
    thread_ = std::thread([this] { serve(); });
  }
  TlsEcho(const TlsEcho&) = delete;
  TlsEcho& operator=(const TlsEcho&) = delete;
  ~TlsEcho() {
    thread_.join();
    SSL_CTX_free(context_);
  }
  Endpoint endpoint(std::string host = "127.0.0.1") const { return server_.endpoint(std::move(host)); }
  std::string name_asked_for;

 private:
  void serve() {
    Fd peer = server_.accept();
    SSL* ssl = SSL_new(context_);
    SSL_set_fd(ssl, peer.get());
    if (SSL_accept(ssl) == 1) {
      const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
      name_asked_for = name != nullptr ? name : "";
      std::array<char, 16384> buffer;
      for (int got = 0; (got = SSL_read(ssl, buffer.data(), buffer.size())) > 0;) {
        if (SSL_write(ssl, buffer.data(), got) != got) {
          break;
        }
      }
    }
    (void)SSL_shutdown(ssl);
    SSL_free(ssl);
  }

  TestServer server_;
  SSL_CTX* context_;
  std::thread thread_;
};

struct Tls : ::testing::Test, TestLoop {
  TestFolder folder;
  Identity authority{"Test Authority", "", nullptr, -kDay, kDay};
  std::string ca = folder.write("ca.pem", authority.pem());
  Listener heard;
  ClientStream stream{loop, heard};

  Identity server(const std::string& names, long from = -kDay, long to = kDay) const {
    return Identity("server", names, &authority, from, to);
  }
  bool open(const Endpoint& endpoint, const std::string& ca_file, const SocketCalls* calls = nullptr) {
    auto client = make_tls_client(ca_file);
    EXPECT_TRUE(client) << client.error().message;
    stream.open({.endpoint = endpoint, .tls = *client, .open_timeout = 8'000, .calls = calls});
    return until([this] { return heard.opened + heard.lost > 0; }) && heard.opened == 1;
  }
};

TEST_F(Tls, CarriesBytesBothWays) {
  for (const int newest : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    heard.opened = 0;
    heard.bytes.clear();
    TlsEcho echo(server("IP:127.0.0.1"), newest);
    ASSERT_TRUE(open(echo.endpoint(), ca)) << heard.why;
    std::string sent(1'000'000, '\0');
    for (std::size_t i = 0; i < sent.size(); ++i) {
      sent[i] = static_cast<char>(i * 31 >> 5);
    }
    stream.write(sent);
    EXPECT_EQ(stream.waiting_bytes(), sent.size());
    stream.flush();
    ASSERT_TRUE(until([&] { return heard.bytes.size() == sent.size() || heard.lost > 0; })) << heard.why;
    EXPECT_EQ(heard.bytes, sent);
    EXPECT_EQ(stream.waiting_bytes(), 0U);
    stream.close();
  }
}

TEST_F(Tls, NameIsSentAlongAndLookedForInTheCertificate) {
  TlsEcho echo(server("DNS:localhost"));
  ASSERT_TRUE(open(echo.endpoint("localhost"), ca)) << heard.why;
  stream.write("x");
  stream.flush();
  ASSERT_TRUE(until([&] { return heard.bytes == "x"; }));
  EXPECT_EQ(echo.name_asked_for, "localhost");
  stream.close();
}

TEST_F(Tls, CertificateOfAnotherAuthorityIsRefused) {
  const Identity other("Other Authority", "", nullptr, -kDay, kDay);
  TlsEcho echo(Identity("server", "IP:127.0.0.1", &other, -kDay, kDay));
  ASSERT_FALSE(open(echo.endpoint(), ca));
  EXPECT_EQ(heard.why, "the certificate of " + echo.endpoint().to_string() + " is not from an authority in " + ca);
}

TEST_F(Tls, CertificateThatItMadeItselfIsRefused) {
  TlsEcho echo(Identity("server", "IP:127.0.0.1", nullptr, -kDay, kDay));
  ASSERT_FALSE(open(echo.endpoint(), ca));
  EXPECT_THAT(heard.why, HasSubstr("is not from an authority in " + ca));
}

TEST_F(Tls, SystemsAuthoritiesDoNotKnowOurs) {
  TlsEcho echo(server("IP:127.0.0.1"));
  ASSERT_FALSE(open(echo.endpoint(), ""));
  EXPECT_THAT(heard.why, HasSubstr("is not from an authority in the system's list"));
}

TEST_F(Tls, CertificateForAnotherNameIsRefused) {
  TlsEcho echo(server("DNS:redis.internal,IP:127.0.0.9"));
  ASSERT_FALSE(open(echo.endpoint("localhost"), ca));
  EXPECT_THAT(heard.why,
              AllOf(HasSubstr("the certificate of localhost:"), HasSubstr("is for redis.internal, 127.0.0.9")));
}

TEST_F(Tls, CertificateForAnotherAddressIsRefused) {
  TlsEcho echo(server("DNS:127.0.0.1,IP:127.0.0.9"));  // an address that stands as a name does not count
  ASSERT_FALSE(open(echo.endpoint(), ca));
  EXPECT_THAT(heard.why, HasSubstr("127.0.0.9"));
}

TEST_F(Tls, AddressOfAnOddLengthInACertificateIsPassedOver) {
  // As DER: iPAddress of 1, 3, 5 and 15 bytes, then 127.0.0.9.
  TlsEcho echo(
      server("DER:30:26:87:01:01:87:03:01:02:03:87:05:01:02:03:04:05:87:0F:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:"
             "0F:87:04:7F:00:00:09"));
  ASSERT_FALSE(open(echo.endpoint(), ca));
  EXPECT_EQ(heard.why, "the certificate of " + echo.endpoint().to_string() + " is for 127.0.0.9");
}

TEST_F(Tls, CertificateOutOfItsTimeIsRefused) {
  {
    TlsEcho echo(server("IP:127.0.0.1", -2 * kDay, -kDay));
    ASSERT_FALSE(open(echo.endpoint(), ca));
    EXPECT_THAT(heard.why, HasSubstr("has expired"));
  }
  heard.lost = 0;
  TlsEcho echo(server("IP:127.0.0.1", kDay / 2, kDay));
  ASSERT_FALSE(open(echo.endpoint(), ca));
  EXPECT_THAT(heard.why, HasSubstr("is not valid yet"));
}

TEST_F(Tls, OldVersionIsRefused) {
  TlsEcho echo(server("IP:127.0.0.1"), TLS1_1_VERSION);
  ASSERT_FALSE(open(echo.endpoint(), ca));
  EXPECT_THAT(heard.why, HasSubstr("version"));
}

TEST_F(Tls, DemandForAClientCertificateIsExplained) {
  TlsEcho echo(server("IP:127.0.0.1"), TLS1_3_VERSION, true);
  (void)open(echo.endpoint(), ca);  // the server says so after the client believes that they agree
  ASSERT_TRUE(until([&] { return heard.lost == 1; }));
  EXPECT_THAT(heard.why, HasSubstr("demands a client certificate"));
}

TEST_F(Tls, ServerWithoutTlsIsToldFromOneWith) {
  TestServer plain;
  std::thread answer([&] {
    Fd peer = plain.accept();
    (void)TestServer::readable(peer.get(), 10'000);
    TestServer::say(peer.get(), "-ERR unknown command\r\n");
    (void)TestServer::readable(peer.get(), 10'000);
  });
  EXPECT_FALSE(open(plain.endpoint(), ca));
  EXPECT_THAT(heard.why, HasSubstr("does not speak TLS"));
  answer.join();
}

TEST_F(Tls, ServerThatSaysNothingIsGivenUpInTime) {
  TestServer silent;
  auto client = make_tls_client(ca);
  stream.open({.endpoint = silent.endpoint(), .tls = *client, .open_timeout = 300});
  ASSERT_TRUE(until([&] { return heard.lost == 1; }));
  EXPECT_THAT(heard.why, HasSubstr("did not go on with the TLS handshake in time"));
}

TEST_F(Tls, ServerThatHangsUpInTheHandshakeIsTold) {
  TestServer rude;
  std::thread answer([&] { rude.accept().reset(); });
  EXPECT_FALSE(open(rude.endpoint(), ca));
  answer.join();
  EXPECT_EQ(heard.lost, 1);
}

TEST_F(Tls, FailsCleanlyAtEachReceiveAndSend) {
  struct BadCalls final : SocketCalls {
    int at = 0;
    mutable int made = 0;
    bool fails() const {
      errno = EIO;
      return made++ == at;
    }
    ssize_t recv(int fd, char* buffer, std::size_t size) const override {
      return fails() ? -1 : SocketCalls::recv(fd, buffer, std::min<std::size_t>(size, 65'536));
    }
    ssize_t send(int fd, const char* bytes, std::size_t size) const override {
      return fails() ? -1 : SocketCalls::send(fd, bytes, size);
    }
  };
  const Identity identity = server("IP:127.0.0.1");
  for (int at = 0;; ++at) {
    ASSERT_LT(at, 50);
    SCOPED_TRACE(at);
    TlsEcho echo(identity);
    BadCalls calls;
    calls.at = at;
    heard = {};
    if (open(echo.endpoint(), ca, &calls)) {
      stream.write("x");
      stream.flush();
      ASSERT_TRUE(until([&] { return heard.bytes == "x" || heard.lost == 1; }));
    }
    const bool failed = heard.lost == 1;
    stream.close();
    if (!failed) {
      EXPECT_LE(calls.made, at);
      break;
    }
  }
}

TEST(TlsClient, FileThatHoldsNoAuthorityIsNamed) {
  TestFolder folder;
  const std::string empty = folder.write("empty.pem", "");
  const std::string text = folder.write("text.pem", "no certificate\n");
  for (const std::string& file : {std::string("/nowhere/ca.pem"), empty, text}) {
    auto client = make_tls_client(file);
    ASSERT_FALSE(client);
    EXPECT_THAT(client.error().message, HasSubstr(file));
  }
  EXPECT_TRUE(make_tls_client(""));
}

}  // namespace
}  // namespace pushwire::net
