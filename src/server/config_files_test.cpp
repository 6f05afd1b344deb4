#include "server/config_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace pushwire::server {
namespace {

class ConfigFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "pushwire-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }

  std::string folder_;
  LoadResult result_;
};

TEST_F(ConfigFiles, SecretIsTheFileWithoutItsFinalLineEnd) {
  for (const char* end : {"", "\n", "\r\n"}) {
    LoadResult result;
    result.config.auth.hmac_secret_file = write("secret", std::string(" a secret ") + end);
    read_named_files(result);
    EXPECT_TRUE(result.good());
    EXPECT_EQ(result.config.auth.hmac_secret, " a secret ");
  }
}

TEST_F(ConfigFiles, SecretFileThatOthersCanReadIsRefused) {
  for (const mode_t mode : {0640U, 0604U, 0620U, 0601U}) {
    LoadResult result;
    const std::string path = write("secret", "a secret", mode);
    result.config.auth.hmac_secret_file = path;
    read_named_files(result);
    ASSERT_EQ(result.mistakes.size(), 1U);
    const std::string expected = "auth.hmac_secret_file: \"" + path + "\" can be read by others";
    EXPECT_TRUE(result.mistakes[0].message().starts_with(expected));
    EXPECT_EQ(result.config.auth.hmac_secret, "");
  }
  LoadResult result;
  const std::string path = write("keys", "k", 0644);
  result.config.api.keys_file = path;
  read_named_files(result);
  ASSERT_EQ(result.mistakes.size(), 1U);
  EXPECT_EQ(result.mistakes[0].message(), "api.keys_file: \"" + path +
                                              "\" can be read by others (mode 0644), expected "
                                              "mode 0600: chmod 600 " +
                                              path);
  EXPECT_TRUE(result.config.api.keys.empty());
}

TEST_F(ConfigFiles, SecretFileForItsOwnerAloneIsGood) {
  for (const mode_t mode : {0600U, 0400U, 0700U}) {
    LoadResult result;
    result.config.auth.hmac_secret_file = write("secret" + std::to_string(mode), "a secret", mode);
    read_named_files(result);
    EXPECT_TRUE(result.good()) << mode;
  }
}

TEST_F(ConfigFiles, UnreadableFilesAreNamed) {
  const std::string path = folder_ + "/none";
  result_.config.auth.hmac_secret_file = path;
  result_.config.auth.public_key_file = path;
  result_.config.auth.jwks_file = folder_;
  result_.config.api.keys_file = path;
  read_named_files(result_);
  ASSERT_EQ(result_.mistakes.size(), 4U);
  const std::string missing = "cannot read \"" + path + "\" (No such file or directory), expected a readable file";
  EXPECT_EQ(result_.mistakes[0].message(), "auth.hmac_secret_file: " + missing);
  EXPECT_EQ(result_.mistakes[1].message(), "api.keys_file: " + missing);
  EXPECT_EQ(result_.mistakes[2].message(), "auth.public_key_file: " + missing);
  EXPECT_EQ(result_.mistakes[3].message(),
            "auth.jwks_file: \"" + folder_ + "\" is not a regular file, expected a readable file");
}

TEST_F(ConfigFiles, NamedPipeDoesNotHoldTheStart) {
  const std::string path = folder_ + "/pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  result_.config.auth.hmac_secret_file = path;
  read_named_files(result_);
  ASSERT_EQ(result_.mistakes.size(), 1U);
  EXPECT_EQ(result_.mistakes[0].what, "\"" + path + "\" is not a regular file, expected a readable file");
}

TEST_F(ConfigFiles, SecretAndItsFileTogetherAreRefused) {
  result_.config.auth.hmac_secret = "one";
  result_.config.auth.hmac_secret_file = write("secret", "two");
  read_named_files(result_);
  ASSERT_EQ(result_.mistakes.size(), 1U);
  EXPECT_EQ(result_.mistakes[0].message(),
            "auth.hmac_secret_file: auth.hmac_secret is given too, expected only one of the two");
}

TEST_F(ConfigFiles, EmptySecretFileIsRefused) {
  const std::string path = write("secret", "\n");
  result_.config.auth.hmac_secret_file = path;
  read_named_files(result_);
  ASSERT_EQ(result_.mistakes.size(), 1U);
  EXPECT_EQ(result_.mistakes[0].what, "\"" + path + "\" holds no secret, expected at least 32 bytes");
}

TEST_F(ConfigFiles, KeysAreOneALineWithComments) {
  result_.config.api.keys = {"first"};
  result_.config.api.keys_file = write("keys", "# billing\nk1\n\n  k2  \r\n#k3\nk4#x");
  read_named_files(result_);
  EXPECT_TRUE(result_.good());
  EXPECT_EQ(result_.config.api.keys, (Config::Texts{"first", "k1", "k2", "k4#x"}));
}

TEST_F(ConfigFiles, BadKeyIsNamedByItsLineAndNotShown) {
  const std::string path = write("keys", "k1\ntwo words\n");
  result_.config.api.keys_file = path;
  read_named_files(result_);
  ASSERT_EQ(result_.mistakes.size(), 1U);
  EXPECT_EQ(result_.mistakes[0].what, "line 2 of \"" + path +
                                          "\" is not an API key, expected 1 to 512 visible ASCII characters without "
                                          "blanks");
}

TEST_F(ConfigFiles, KeysFileWithoutKeysDoesNotOpenTheApi) {
  const std::string path = write("keys", "# none yet\n\n");
  result_.config.api.keys_file = path;
  read_named_files(result_);
  ASSERT_EQ(result_.mistakes.size(), 1U);
  EXPECT_EQ(result_.mistakes[0].what, "\"" + path + "\" holds no key, expected one a line");
}

TEST_F(ConfigFiles, PasswordsOfTheBusComeWithoutTheirFinalLineEnd) {
  bus::Settings& bus = result_.config.bus;
  bus.rocketmq.secret_key_file = write("rocketmq", "s1\n");
  bus.redis.password_file = write("redis", "s2\r\n");
  bus.nats.password_file = write("nats", "s3");
  bus.kafka.password_file = write("kafka", " s4 \n");
  read_named_files(result_);
  EXPECT_TRUE(result_.good());
  EXPECT_EQ(bus.rocketmq.secret_key, "s1");
  EXPECT_EQ(bus.redis.password, "s2");
  EXPECT_EQ(bus.nats.password, "s3");
  EXPECT_EQ(bus.kafka.password, " s4 ");
}

TEST_F(ConfigFiles, SecretsOfTheBusAreNotOpenToOthers) {
  bus::Settings& bus = result_.config.bus;
  bus.rocketmq.secret_key_file = write("rocketmq", "s", 0640);
  bus.redis.password_file = write("redis", "s", 0604);
  bus.nats.password_file = write("nats", "s", 0644);
  bus.nats.credentials_file = write("credentials", "s", 0644);
  bus.kafka.password_file = write("kafka", "s", 0644);
  read_named_files(result_);
  std::vector<std::string> keys;
  for (const ConfigMistake& mistake : result_.mistakes) {
    keys.push_back(mistake.where);
    EXPECT_NE(mistake.what.find("can be read by others (mode 06"), std::string::npos) << mistake.what;
  }
  EXPECT_EQ(keys, (std::vector<std::string>{"bus.rocketmq.secret_key_file", "bus.redis.password_file",
                                            "bus.nats.password_file", "bus.kafka.password_file",
                                            "bus.nats.credentials_file"}));
  EXPECT_TRUE(bus.redis.password.empty());
}

TEST_F(ConfigFiles, APasswordOfTheBusIsOneLine) {
  result_.config.bus.redis.password_file = write("redis", "one\ntwo\n");
  result_.config.bus.kafka.password_file = write("kafka", "\n");
  read_named_files(result_);
  ASSERT_EQ(result_.mistakes.size(), 2U);
  EXPECT_EQ(result_.mistakes[0].message(),
            "bus.redis.password_file: the secret has a line end or a zero byte in it, expected one line");
  EXPECT_EQ(result_.mistakes[1].message(),
            "bus.kafka.password_file: \"" + folder_ + "/kafka\" holds no secret, expected one line");
}

TEST_F(ConfigFiles, AuthoritiesOfTheBusAreOpened) {
  bus::Settings& bus = result_.config.bus;
  bus.rocketmq.tls_ca = bus.redis.tls_ca = bus.nats.tls_ca = bus.kafka.tls_ca = folder_ + "/none";
  bus.nats.credentials_file = folder_ + "/none";
  read_named_files(result_);
  ASSERT_EQ(result_.mistakes.size(), 5U);
  EXPECT_EQ(result_.mistakes[2].message(), "bus.redis.tls_ca: cannot read \"" + folder_ +
                                               "/none\" (No such file or directory), expected a readable file");
}

TEST_F(ConfigFiles, AFileWithoutAuthoritiesIsTold) {
  const std::string path = write("ca.pem", "no certificate\n");
  result_.config.bus.nats.tls_ca = path;
  read_named_files(result_);
  ASSERT_EQ(result_.mistakes.size(), 1U);
  EXPECT_EQ(result_.mistakes[0].where, "bus.nats.tls_ca");
  EXPECT_NE(result_.mistakes[0].what.find(path), std::string::npos) << result_.mistakes[0].what;
}

TEST_F(ConfigFiles, TooLongFileIsRefused) {
  const std::string path = write("long", std::string(11, 'x'));
  EXPECT_TRUE(read_file(path, 11));
  EXPECT_EQ(read_file(path, 10).error().message, "\"" + path + "\" is too long, expected at most 10 bytes");
}

}  // namespace
}  // namespace pushwire::server
