#include <gtest/gtest.h>

#include "server/config_keys.h"
#include "server/config_value.h"

namespace pushwire::server {
namespace {

TEST(ConfigKeysPort, AreThoseOfNodeClientAndApi) {
  for (const ConfigKey& key : port_config_keys()) {
    EXPECT_TRUE(key.name.starts_with("node.") || key.name.starts_with("client.") || key.name.starts_with("api."))
        << key.name;
    EXPECT_EQ(find_key(key.name)->name, key.name);
  }
}

TEST(ConfigKeysPort, CertificatesMayBeChangedWhileTheNodeRuns) {
  for (const char* name :
       {"client.tls_certificate", "client.tls_key", "api.tls_certificate", "api.tls_key", "api.tls_client_ca"}) {
    EXPECT_EQ(find_key(name)->on_reload, OnReload::kApplied) << name;
  }
  Config config;
  ASSERT_TRUE(set_value(config, *find_key("client.tls_certificate"), BareText{"a.pem,b.pem"}));
  EXPECT_EQ(config.client.tls_certificate, (Config::Texts{"a.pem", "b.pem"}));
  EXPECT_TRUE(config.client.tls());
  EXPECT_FALSE(config.api.tls());
}

}  // namespace
}  // namespace pushwire::server
