#include "server/worker_settings.h"

#include <gtest/gtest.h>

#include "server/server_test_support.h"

namespace pushwire::server {
namespace {

using std::chrono::milliseconds;

const BoundPorts kPorts{{8000, 9000}, "http://127.0.0.1:8001"};

std::shared_ptr<const WorkerSettings> made(const Config& config, std::uint32_t workers = 1) {
  return make_settings(config, kPorts, workers).value();
}

std::string error_of(const Config& config) {
  const auto settings = make_settings(config, kPorts, 1);
  return settings ? "" : settings.error().message;
}

TEST(WorkerSettings, SessionsGetTheirLimits) {
  Config config = test::dev_config();
  config.session = {3, OnLimit::kRejectNew};
  config.topics.max_per_connection = 4;
  config.client.max_message_bytes = 5;
  config.heartbeat = {milliseconds(6), milliseconds(7)};
  config.outbox = {8, milliseconds(9), 10};
  config.client.close_timeout = milliseconds(11);
  const auto settings = made(config);
  const session::SessionOptions& options = settings->hub.session;
  EXPECT_EQ(options.max_connections_per_user, 3U);
  EXPECT_EQ(options.on_limit, session::LimitPolicy::kRejectNew);
  EXPECT_EQ(options.max_topics_per_connection, 4U);
  EXPECT_EQ(settings->upgrade.max_topics, 4U);
  EXPECT_EQ(options.max_message_bytes, 5U);
  EXPECT_EQ(options.heartbeat_interval, 6);
  EXPECT_EQ(options.heartbeat_timeout, 7);
  EXPECT_EQ(options.outbox_soft_bytes, 8U);
  EXPECT_EQ(options.outbox_soft_for, 9);
  EXPECT_EQ(options.outbox_hard_bytes, 10U);
  EXPECT_EQ(options.close_timeout, 11);
  EXPECT_EQ(settings->hub.node, "n1");
}

TEST(WorkerSettings, PortsGetTheirLimits) {
  Config config = test::dev_config();
  config.client.path = "/sock";
  config.client.handshake_timeout = milliseconds(100);
  config.client.max_connections = 12;
  config.client.max_pending_handshakes = 10;
  config.api.request_timeout = milliseconds(200);
  config.api.max_body_bytes = 300;
  const auto settings = made(config, 4);
  EXPECT_EQ(settings->upgrade.path, "/sock");
  EXPECT_EQ(settings->client_http.head_timeout_ms, 100);
  EXPECT_EQ(settings->api_http.head_timeout_ms, 200);
  EXPECT_EQ(settings->api_http.body_timeout_ms, 200);
  EXPECT_EQ(settings->api_http.parser.body_bytes, 300U);
  EXPECT_EQ(settings->max_connections, 12U);
  EXPECT_EQ(settings->handshakes.pending, 3U);  // of each worker, rounded up
}

TEST(WorkerSettings, DevAuthKnowsItsPagesAndAllowsEveryTopic) {
  Config config = test::dev_config();
  config.api.keys = {"k"};
  const auto settings = made(config);
  EXPECT_TRUE(settings->development);
  EXPECT_TRUE(settings->upgrade.authenticator.is_development());
  EXPECT_TRUE(settings->hub.topics.allows("any/topic"));
  EXPECT_TRUE(settings->upgrade.topics.allows("any/topic"));
  for (const std::string_view origin : {"http://localhost:8000", "http://127.0.0.1:9000"}) {
    EXPECT_TRUE(settings->dev_origins.allows(origin, 1)) << origin;
    EXPECT_TRUE(settings->upgrade.origins.allows(origin, 1)) << origin;
  }
  EXPECT_FALSE(settings->dev_origins.allows("http://localhost:8002", 1));
  EXPECT_NE(settings->dev_info.find(R"("api_key_required":true)"), std::string::npos);
  EXPECT_TRUE(settings->keys.accept("Bearer k"));
}

TEST(WorkerSettings, ConfiguredOriginsMayConnectButNotCallTheDevApi) {
  Config config = test::dev_config();
  config.client.allowed_origins = {"https://shop.example"};
  const auto settings = made(config);
  EXPECT_TRUE(settings->upgrade.origins.allows("https://shop.example", 1));
  EXPECT_FALSE(settings->dev_origins.allows("https://shop.example", 1));
}

TEST(WorkerSettings, WithTokensOnlyWhatIsConfiguredIsAllowed) {
  Config config = test::dev_config();
  config.auth.mode = AuthMode::kJwt;
  config.auth.hmac_secret = std::string(32, 's');
  config.topics.allow = {"news/*"};
  const auto settings = made(config);
  EXPECT_FALSE(settings->development);
  EXPECT_FALSE(settings->upgrade.authenticator.is_development());
  EXPECT_TRUE(settings->hub.topics.allows("news/x"));
  EXPECT_FALSE(settings->upgrade.topics.allows("other"));
  EXPECT_FALSE(settings->upgrade.origins.allows("http://localhost:8000", 1));
  EXPECT_EQ(settings->dev_info, "");
}

TEST(WorkerSettings, MistakesNameTheirSetting) {
  Config config = test::dev_config();
  config.client.allowed_origins = {"nonsense"};
  EXPECT_TRUE(error_of(config).starts_with("client.allowed_origins: ")) << error_of(config);
  config.client.allowed_origins.clear();
  config.auth.mode = AuthMode::kJwt;
  EXPECT_NE(error_of(config), "");  // no key at all
  config.auth.jwks_file = "/nonexistent/keys.json";
  EXPECT_NE(error_of(config).find("/nonexistent/keys.json"), std::string::npos) << error_of(config);
  config.auth.jwks_file.clear();
  config.auth.hmac_secret = std::string(32, 's');
  config.topics.allow = {"a b"};
  EXPECT_TRUE(error_of(config).starts_with("topics.allow: ")) << error_of(config);
}

}  // namespace
}  // namespace pushwire::server
