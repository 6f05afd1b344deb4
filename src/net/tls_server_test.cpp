#include "net/tls_server.h"

#include <gmock/gmock.h>

#include "net/tls_test_support.h"

namespace pushwire::net {
namespace {

using test::Certificates;
using test::kDayS;
using test::TlsPair;
using testing::HasSubstr;

class TlsServerTest : public testing::Test {
 protected:
  std::string shown_for(const std::shared_ptr<const TlsServer>& server, const std::string& host) {
    TlsPair pair(server, certificates_.authority(), {.host = host});
    return pair.shake() ? pair.client->name_in_certificate() : "";
  }
  static std::string mistake(const TlsServerOptions& options) {
    const auto made = TlsServer::make(options);
    return made ? "" : made.error().message;
  }

  Certificates certificates_;
};

TEST_F(TlsServerTest, ShowsTheCertificateOfTheNameThatIsAskedFor) {
  const auto server =
      certificates_.server({.certificates = {certificates_.make("first", "DNS:a.test"),
                                             certificates_.make("second", "DNS:b.test,DNS:*.wild.test"),
                                             certificates_.make("third", "DNS:b.test,DNS:exact.wild.test")}});
  EXPECT_EQ(shown_for(server, "a.test"), "first");
  EXPECT_EQ(shown_for(server, "b.test"), "second") << "the first one that carries it";
  EXPECT_EQ(shown_for(server, "B.TEST"), "second");
  EXPECT_EQ(shown_for(server, "x.wild.test"), "second");
  EXPECT_EQ(shown_for(server, "exact.wild.test"), "third") << "an exact name before a wildcard";
  EXPECT_EQ(shown_for(server, "y.x.wild.test"), "first") << "a wildcard is one label";
  EXPECT_EQ(shown_for(server, "unknown.test"), "first");
}

TEST_F(TlsServerTest, KnowsWhenTheFirstCertificateEnds) {
  const auto server = certificates_.server({.certificates = {certificates_.make("long", "DNS:a.test", 10 * kDayS),
                                                             certificates_.make("short", "DNS:b.test", 2 * kDayS)}});
  EXPECT_NEAR(static_cast<double>(server->expires_at()), static_cast<double>(wall_ms() + 2 * kDayS * 1'000), 5'000);
}

TEST_F(TlsServerTest, NamesTheFileThatIsWrong) {
  const CertificateFiles good = certificates_.make("good", "DNS:a.test");
  const CertificateFiles other = certificates_.make("other", "DNS:a.test");
  certificates_.write("junk.pem", "nothing");
  EXPECT_THAT(mistake({}), HasSubstr("at least one certificate"));
  EXPECT_THAT(mistake({.certificates = {{certificates_.path("none.pem"), good.key}}}), HasSubstr("none.pem"));
  EXPECT_THAT(mistake({.certificates = {{certificates_.path("junk.pem"), good.key}}}), HasSubstr("junk.pem"));
  EXPECT_THAT(mistake({.certificates = {{good.certificate, certificates_.path("junk.pem")}}}), HasSubstr("junk.pem"));
  const std::string mixed = mistake({.certificates = {{good.certificate, other.key}}});
  EXPECT_THAT(mixed, HasSubstr("other.key"));
  EXPECT_THAT(mixed, HasSubstr("good.pem"));
  EXPECT_THAT(mistake({.certificates = {good}, .client_authorities = certificates_.path("junk.pem")}),
              HasSubstr("junk.pem"));
}

TEST_F(TlsServerTest, AKeyWithAPasswordIsRefusedWithoutAskingForIt) {
  const CertificateFiles good = certificates_.make("good", "DNS:a.test");
  BIO* bio = BIO_new(BIO_s_mem());
  const test::Identity identity("x", "DNS:a.test", nullptr, -kDayS, kDayS);
  char password[] = "secret";
  PEM_write_bio_PrivateKey(bio, identity.key.get(), EVP_aes_128_cbc(), nullptr, 0, nullptr, password);
  char* data = nullptr;
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(bio, &data));
  certificates_.write("locked.key", std::string(data, size));
  BIO_free(bio);
  EXPECT_THAT(mistake({.certificates = {{good.certificate, certificates_.path("locked.key")}}}),
              HasSubstr("without a password"));
}

TEST_F(TlsServerTest, DemandsAClientCertificateOfItsAuthority) {
  const auto server = certificates_.server(
      {.certificates = {certificates_.make("s", "DNS:a.test")}, .client_authorities = certificates_.authorities()});
  const test::Identity friendly("caller", "DNS:caller", &certificates_.authority(), -kDayS, kDayS);
  const test::Identity stranger("stranger", "DNS:stranger", nullptr, -kDayS, kDayS);
  EXPECT_TRUE(TlsPair(server, certificates_.authority(), {.identity = &friendly}).shake());
  EXPECT_FALSE(TlsPair(server, certificates_.authority(), {.identity = &stranger}).shake());
  EXPECT_FALSE(TlsPair(server, certificates_.authority()).shake());
}

TEST_F(TlsServerTest, SpeaksNothingOlderThan12AndNoWeakCipher) {
  const auto server = certificates_.server({.certificates = {certificates_.make("s", "DNS:a.test")}});
  TlsPair pair(server, certificates_.authority(), {.newest = TLS1_2_VERSION});
  ASSERT_TRUE(pair.shake());
  EXPECT_EQ(SSL_version(pair.client->ssl()), TLS1_2_VERSION);
  EXPECT_THAT(SSL_get_cipher_name(pair.client->ssl()), HasSubstr("ECDHE"));
  EXPECT_THAT(SSL_get_cipher_name(pair.client->ssl()), HasSubstr("GCM"));
  TlsPair weak(server, certificates_.authority(), {.newest = TLS1_2_VERSION});
  SSL_set_cipher_list(weak.client->ssl(), "AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0");
  EXPECT_FALSE(weak.shake());
  TlsPair old(server, certificates_.authority(), {.newest = TLS1_1_VERSION});
  SSL_set_cipher_list(old.client->ssl(), "ALL:@SECLEVEL=0");
  EXPECT_FALSE(old.shake());
}

TEST_F(TlsServerTest, AgreesOnHttp1WithWhoeverOffersProtocols) {
  const auto server = certificates_.server({.certificates = {certificates_.make("s", "DNS:a.test")}});
  const auto chosen = [&](const std::vector<unsigned char>& offered) {
    TlsPair pair(server, certificates_.authority());
    SSL_set_alpn_protos(pair.client->ssl(), offered.data(), static_cast<unsigned>(offered.size()));
    EXPECT_TRUE(pair.shake());
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(pair.client->ssl(), &name, &size);
    return std::string(reinterpret_cast<const char*>(name), size);
  };
  EXPECT_EQ(chosen({2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'}), "http/1.1");
  EXPECT_EQ(chosen({2, 'h', '2'}), "");
}

}  // namespace
}  // namespace pushwire::net
