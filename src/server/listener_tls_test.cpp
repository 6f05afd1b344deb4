#include "server/listener_tls.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "net/tls_test_support.h"

namespace pushwire::server {
namespace {

using net::test::Certificates;

TEST(ListenerTls, IsNoneWithoutCertificates) {
  const auto made = make_tls_server({}, {}, "");
  ASSERT_TRUE(made);
  EXPECT_EQ(*made, nullptr);
}

TEST(ListenerTls, PairsCertificatesWithKeysInTheirOrder) {
  const Certificates certificates;
  const auto first = certificates.make("first", "DNS:a.test");
  const auto second = certificates.make("second", "DNS:b.test");
  EXPECT_TRUE(make_tls_server({first.certificate, second.certificate}, {first.key, second.key}, ""));
  const auto crossed = make_tls_server({first.certificate, second.certificate}, {second.key, first.key}, "");
  ASSERT_FALSE(crossed);
  EXPECT_NE(crossed.error().message.find("is not that of the certificate"), std::string::npos);
}

class TlsFilesTest : public testing::Test {
 protected:
  TlsFilesTest() {
    const auto made = certificates_.make("s", "DNS:a.test");
    config_.client.tls_certificate = {made.certificate};
    config_.client.tls_key = {made.key};
  }
  // As programs do that renew certificates: a new file takes the name of the old one.
  void replace(const std::string& name) {
    certificates_.write("new", std::string(50, 'x'));
    std::filesystem::rename(certificates_.path("new"), certificates_.path(name));
  }

  Certificates certificates_;
  Config config_;
};

TEST_F(TlsFilesTest, TellOnceWhenTheyHaveChangedAndNoneHasSince) {
  TlsFiles files(config_);
  EXPECT_FALSE(files.have_settled_anew());
  replace("s.pem");
  EXPECT_FALSE(files.have_settled_anew()) << "the key may follow";
  replace("s.key");
  EXPECT_FALSE(files.have_settled_anew());
  EXPECT_TRUE(files.have_settled_anew());
  EXPECT_FALSE(files.have_settled_anew());
}

TEST_F(TlsFilesTest, WaitForAFileThatIsGone) {
  TlsFiles files(config_);
  std::filesystem::remove(certificates_.path("s.pem"));
  EXPECT_FALSE(files.have_settled_anew());
  EXPECT_FALSE(files.have_settled_anew());
  certificates_.write("s.pem", "new");
  EXPECT_FALSE(files.have_settled_anew());
  EXPECT_TRUE(files.have_settled_anew());
}

TEST_F(TlsFilesTest, OfNobodyNeverChange) {
  TlsFiles files{Config()};
  EXPECT_FALSE(files.have_settled_anew());
  EXPECT_FALSE(files.have_settled_anew());
}

}  // namespace
}  // namespace pushwire::server
