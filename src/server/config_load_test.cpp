#include "server/config_load.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pushwire::server {
namespace {

using Messages = std::vector<std::string>;
using std::chrono::milliseconds;

const std::string kSecret(32, 's');

class ConfigLoad : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "pushwire-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    request_.overrides = {"auth.mode=dev"};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The configuration file of the request.
  std::string write(const std::string& text, mode_t mode = 0600) {
    const std::string path = folder_ + "/p.toml";
    std::ofstream(path) << text;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    request_.file = path;
    return path;
  }

  [[nodiscard]] Messages messages() const {
    Messages texts;
    for (const ConfigMistake& mistake : load_config(request_).mistakes) {
      texts.push_back(mistake.message());
    }
    return texts;
  }

  std::string folder_;
  LoadRequest request_;
};

TEST_F(ConfigLoad, WithoutSourcesEverythingIsDefaultButTheName) {
  auto result = load_config(request_);
  EXPECT_TRUE(result.good());
  EXPECT_FALSE(result.config.node.name.empty());
  result.config.node.name.clear();
  result.config.auth.mode = AuthMode::kJwt;
  EXPECT_EQ(result.config, Config{});
}

TEST_F(ConfigLoad, ReloadKeepsTheChosenName) {
  EXPECT_EQ(load_config(request_).config.node.name, load_config(request_).config.node.name);
}

TEST_F(ConfigLoad, EnvironmentWinsOverTheFileAndSetOverBoth) {
  write("[outbox]\nsoft_bytes = \"1KiB\"\n[dedup]\nwindow = \"1m\"\nmax_ids = 11\n");
  request_.environment = {{"PUSHWIRE_DEDUP_WINDOW", "2m"}, {"PUSHWIRE_DEDUP_MAX_IDS", "12"}};
  request_.overrides.push_back("dedup.max_ids=13");
  const auto result = load_config(request_);
  EXPECT_TRUE(result.good());
  EXPECT_EQ(result.config.outbox.soft_bytes, 1024U);
  EXPECT_EQ(result.config.dedup.window, milliseconds(120'000));
  EXPECT_EQ(result.config.dedup.max_ids, 13U);
}

TEST_F(ConfigLoad, TheLastSetWins) {
  request_.overrides.push_back("node.workers=2");
  request_.overrides.push_back("node.workers=3");
  EXPECT_EQ(load_config(request_).config.node.workers, 3U);
}

TEST_F(ConfigLoad, ListsWithCommasInEnvironmentAndSet) {
  request_.environment = {{"PUSHWIRE_CLIENT_LISTEN", "127.0.0.1:1,[::1]:1"}};
  request_.overrides.push_back("client.allowed_origins=https://a,https://b");
  const auto result = load_config(request_);
  EXPECT_TRUE(result.good());
  EXPECT_EQ(result.config.client.listen, (Config::Addresses{{"127.0.0.1", 1}, {"::1", 1}}));
  EXPECT_EQ(result.config.client.allowed_origins, (Config::Texts{"https://a", "https://b"}));
}

TEST_F(ConfigLoad, UnknownKeyIsNamedWithLineAndNearestKey) {
  const std::string path = write("\n[client]\nlisen = \"127.0.0.1:1\"\n[nonsense]\nthing = 1\n");
  EXPECT_EQ(messages(), (Messages{path + ":3: client.lisen: unknown key, did you mean client.listen?",
                                  path + ":5: nonsense.thing: unknown key"}));
}

TEST_F(ConfigLoad, UnknownVariableIsNamedWithNearestVariable) {
  request_.environment = {{"PUSHWIRE_CLIENT_LISTN", "x"}, {"PUSHWIRE_", "x"}, {"HOME", "/"}};
  EXPECT_EQ(messages(),
            (Messages{"environment PUSHWIRE_CLIENT_LISTN: unknown variable, did you mean PUSHWIRE_CLIENT_LISTEN?",
                      "environment PUSHWIRE_: unknown variable"}));
}

TEST_F(ConfigLoad, TheKeyOfPushIsNoMistake) {
  request_.environment = {{"PUSHWIRE_API_KEY", "k"}};
  EXPECT_EQ(messages(), Messages{});
  EXPECT_TRUE(load_config(request_).config.api.keys.empty());
}

TEST_F(ConfigLoad, UnknownOrIncompleteSetIsNamed) {
  request_.overrides.push_back("clinet.listen=x");
  request_.overrides.push_back("log.level");
  request_.overrides.push_back("=x");
  EXPECT_EQ(messages(), (Messages{"--set clinet.listen: unknown key, did you mean client.listen?",
                                  "--set log.level: no value, expected log.level=VALUE", "--set : unknown key"}));
}

TEST_F(ConfigLoad, WrongValuesAreNamedByTheirSource) {
  const std::string path = write("[heartbeat]\ninterval = 25\n");
  request_.environment = {{"PUSHWIRE_NODE_WORKERS", "many"}};
  request_.overrides.push_back("log.level=loud");
  const std::string unit = "is a number without a unit, expected a whole number with ms, s, m or h like \"10s\"";
  EXPECT_EQ(messages(),
            (Messages{path + ":2: heartbeat.interval: 25 " + unit,
                      "environment PUSHWIRE_NODE_WORKERS: \"many\" is of the wrong type, expected a whole number from "
                      "1 to 256 or 0 (one per usable core)",
                      "--set log.level: \"loud\" is unknown, expected \"debug\", \"info\", \"warning\" or \"error\""}));
}

TEST_F(ConfigLoad, RulesOverSeveralKeysNameTheSourceThatSetThem) {
  request_.environment = {{"PUSHWIRE_HEARTBEAT_TIMEOUT", "5s"}};
  EXPECT_EQ(messages(), Messages{"environment PUSHWIRE_HEARTBEAT_TIMEOUT: the timeout (5s) is not longer than the "
                                 "interval (25s), expected more than 25s"});
}

TEST_F(ConfigLoad, TableAndValueAreNotMixedUp) {
  const std::string path = write("client = 5\napi.listen.x = 1\n[log]\n[auth.mode]\n");
  request_.overrides.clear();
  const auto found = messages();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0], path + ":1: client: not a table, expected [client] with keys in it");
  EXPECT_EQ(found[1],
            path + ":2: api.listen: a table is of the wrong type, expected addresses like \"127.0.0.1:8000\"");
  EXPECT_EQ(found[2], path + ":4: auth.mode: a table is of the wrong type, expected \"jwt\" or \"dev\"");
}

TEST_F(ConfigLoad, MissingFileIsTheOnlyMistake) {
  request_.file = folder_ + "/none.toml";
  request_.overrides.clear();
  EXPECT_EQ(messages(), Messages{*request_.file + ": cannot read \"" + *request_.file +
                                 "\" (No such file or directory), expected a readable file"});
}

TEST_F(ConfigLoad, SyntaxErrorIsTheOnlyMistake) {
  const std::string path = write("[client\nlisten = 1\n");
  request_.overrides.clear();
  const auto found = messages();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].starts_with(path + ":1: not TOML: ")) << found[0];
}

TEST_F(ConfigLoad, FileWithSecretsIsNotForEverybody) {
  request_.overrides.clear();
  const std::string text = "[auth]\nhmac_secret = \"" + kSecret + "\"\n[api]\nkeys = [\"k\"]\n";
  const std::string path = write(text, 0644);
  const std::string expected =
      ": a secret in a file that others can read (mode 0644), expected mode 0640 or less: chmod o-rwx " + path;
  EXPECT_EQ(messages(), (Messages{path + ":4: api.keys" + expected, path + ":2: auth.hmac_secret" + expected}));
  write(text, 0640);
  EXPECT_EQ(messages(), Messages{});
}

TEST_F(ConfigLoad, SecretThatIsOverriddenStillStandsInTheFile) {
  write("[auth]\nhmac_secret = \"" + kSecret + "\"\n", 0604);
  request_.overrides.push_back("auth.hmac_secret=");
  EXPECT_EQ(messages().size(), 1U);
}

TEST_F(ConfigLoad, FileWithoutSecretsMayBeForEverybody) {
  write("[api]\nkeys = []\n", 0644);
  EXPECT_EQ(messages(), Messages{});
}

TEST_F(ConfigLoad, ForeignTextCannotSpeakToTheTerminal) {
  const std::string path = write("\"\\u001b[2J\" = 1\n");
  EXPECT_EQ(messages(), Messages{path + ":1: \\x1b[2J: unknown key"});
}

TEST_F(ConfigLoad, NamesWhatNeedsARestart) {
  const Config running = load_config(request_).config;
  Config fresh = running;
  EXPECT_EQ(needs_restart(running, fresh), Messages{});
  fresh.client.allowed_origins = {"https://a"};
  fresh.client.max_connections = 5;
  fresh.client.max_message_bytes = 1000;
  fresh.api.keys = {"k"};
  fresh.api.max_body_bytes = 2000;
  fresh.auth.hmac_secret = "other";
  fresh.auth.jwks_file = "other";
  fresh.session.max_connections_per_user = 3;
  fresh.topics.allow = {"a"};
  fresh.topics.max_per_connection = 3;
  fresh.heartbeat.timeout = milliseconds(90'000);
  fresh.outbox.hard_bytes += 1;
  fresh.dedup.max_ids = 5;
  fresh.drain.rate = 5;
  fresh.log.level = LogLevel::kError;
  EXPECT_EQ(needs_restart(running, fresh), Messages{});
  fresh.client.listen.push_back({"127.0.0.1", 9});
  fresh.auth.mode = AuthMode::kJwt;
  fresh.log.format = LogStyle::kJson;
  fresh.node.workers = 9;
  fresh.client.path = "/other";
  EXPECT_EQ(needs_restart(running, fresh),
            (Messages{"node.workers", "client.listen", "client.path", "auth.mode", "log.format"}));
}

TEST(CurrentEnvironment, HoldsOurVariablesOnly) {
  ASSERT_EQ(setenv("PUSHWIRE_TEST_VARIABLE", "a=b", 1), 0);
  const Environment environment = current_environment();
  ASSERT_EQ(unsetenv("PUSHWIRE_TEST_VARIABLE"), 0);
  bool found = false;
  for (const auto& [name, value] : environment) {
    EXPECT_TRUE(name.starts_with("PUSHWIRE_")) << name;
    found = found || (name == "PUSHWIRE_TEST_VARIABLE" && value == "a=b");
  }
  EXPECT_TRUE(found);
}

TEST_F(ConfigLoad, TheBusComesFromAllThreeSources) {
  write(
      "[bus]\nkind = \"redis\"\nnamespace = \"a\"\n[bus.redis]\naddress = \"h:1\"\nmode = \"streams\"\n"
      "[bus.kafka]\nbrokers = [\"k:1\"]\n");
  request_.environment = {{"PUSHWIRE_BUS_REDIS_ADDRESS", "h:2"}, {"PUSHWIRE_BUS_NATS_SERVERS", "n1:1,n2:2"}};
  request_.overrides.push_back("bus.namespace=b");
  const auto result = load_config(request_);
  EXPECT_TRUE(result.good());
  EXPECT_EQ(result.config.bus.kind, bus::BusKind::kRedis);
  EXPECT_EQ(result.config.bus.name_space, "b");
  EXPECT_EQ(result.config.bus.redis.address, "h:2");
  EXPECT_EQ(result.config.bus.redis.mode, bus::RedisMode::kStreams);
  EXPECT_EQ(result.config.bus.kafka.brokers, Config::Texts{"k:1"});
  EXPECT_EQ(result.config.bus.nats.servers, (Config::Texts{"n1:1", "n2:2"}));
}

TEST_F(ConfigLoad, PasswordsInAFileThatOthersReadAreAMistake) {
  const std::string path = write("[bus.redis]\npassword = \"p\"\n", 0644);
  EXPECT_EQ(messages(), Messages{path +
                                 ":2: bus.redis.password: a secret in a file that others can read (mode 0644), "
                                 "expected mode 0640 or less: chmod o-rwx " +
                                 path});
}

TEST_F(ConfigLoad, MistakesInTheTablesOfTheBusHaveTheirPlace) {
  const std::string path = write("bus.redis = 5\n[bus.nats]\nserver = \"h:1\"\n[bus.something_else]\nx = 1\n");
  const Messages found = messages();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0], path + ":1: bus.redis: not a table, expected [bus.redis] with keys in it");
  EXPECT_EQ(found[1], path + ":3: bus.nats.server: unknown key, did you mean bus.nats.servers?");
  EXPECT_EQ(found[2], path + ":5: bus.something_else.x: unknown key");
}

TEST_F(ConfigLoad, APasswordThatChangedInItsFileNeedsARestart) {
  Config running;
  Config fresh;
  fresh.bus.redis.password = "changed";
  fresh.bus.kind = bus::BusKind::kNats;
  EXPECT_EQ(needs_restart(running, fresh), (Messages{"bus.kind", "bus.redis.password"}));
}

}  // namespace
}  // namespace pushwire::server
