#include "server/commands.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "session/jwt.h"

namespace pushwire::server {
namespace {

const std::string kSecret(40, 's');
constexpr std::int64_t kNow = 1'700'000'000;

Result<> no_fault(const Config&) {
  return {};
}

class Commands : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "pushwire-XXXXXX";
    const int fd = mkstemp(pattern.data());
    ASSERT_GE(fd, 0);
    close(fd);
    file_ = pattern;
  }
  void TearDown() override { unlink(file_.c_str()); }
  void write(const std::string& text) const { std::ofstream(file_) << text; }

  std::string file_;
};

TEST_F(Commands, CheckSaysThatAConfigurationIsGood) {
  write("[auth]\nmode = \"dev\"\n");
  const auto result = run_check({{file_, {}}}, {}, no_fault);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "configuration is good\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(Commands, CheckPrintsEveryMistake) {
  write("[auth]\nmode = \"dev\"\n[log]\nlevel = 1\n");
  const auto result = run_check({{file_, {"nope=1"}}}, {}, no_fault);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, file_ +
                            ":4: log.level: 1 is of the wrong type, expected \"debug\", \"info\", \"warning\" or "
                            "\"error\"\n--set nope: unknown key\n");
}

TEST_F(Commands, CheckFindsABadKeyFile) {
  write("[auth]\njwks_file = \"" + file_ + "\"\n");
  const auto result = run_check({{file_, {}}}, {}, check_keys);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_TRUE(result.err.starts_with(file_ + ":2: auth.jwks_file: ")) << result.err;
}

TEST_F(Commands, TokenIsAloneOnItsLineAndVerifies) {
  write("[auth]\nhmac_secret = \"" + kSecret + "\"\nissuer = \"me\"\naudience = \"you\"\n");
  const TokenCommand command{
      .config = {file_, {}}, .user = "alice", .ttl = std::chrono::seconds(60), .topics = {"a.*"}};
  const auto result = run_token(command, {}, kNow);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ASSERT_TRUE(result.out.ends_with('\n'));
  const std::string token = result.out.substr(0, result.out.size() - 1);
  EXPECT_EQ(token.find_first_of(" \n"), std::string::npos);
  const auto config = load_config({file_, {}, {}}).config;
  const auto keys = session::load_keys(key_sources(config.auth));
  ASSERT_TRUE(keys);
  const auto identity = session::verify_token(token, *keys, token_policy(config.auth), kNow);
  ASSERT_TRUE(identity) << identity.error().text;
  EXPECT_EQ(identity->user, "alice");
  EXPECT_EQ(identity->expires_at, kNow + 60 + 30);
  EXPECT_EQ(identity->topics, std::vector<std::string>{"a.*"});
}

TEST_F(Commands, TokenNeedsASecret) {
  write("[auth]\nmode = \"dev\"\n");
  const auto result = run_token({.config = {file_, {}}, .user = "a", .topics = {}}, {}, kNow);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "pushwire: no secret to sign with, expected auth.hmac_secret_file or auth.hmac_secret\n");
}

TEST_F(Commands, TokenRefusesABadConfigurationAndABadUser) {
  const std::string secret = "auth.hmac_secret=" + kSecret;
  EXPECT_EQ(run_token({.config = {{}, {secret, "x=1"}}, .user = "a", .topics = {}}, {}, kNow).err,
            "--set x: unknown key\n");
  const auto result = run_token({.config = {{}, {secret}}, .user = "a\n", .topics = {}}, {}, kNow);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_TRUE(result.err.starts_with("pushwire: the user id")) << result.err;
}

TEST_F(Commands, TheExampleIsGoodButForItsSecrets) {
  const std::string example = std::string(PUSHWIRE_SOURCE_DIR) + "/examples/pushwire.toml";
  const std::vector<std::string> without_files = {
      "api.keys_file=", "auth.hmac_secret_file=", "auth.hmac_secret=" + kSecret};
  const auto result = run_check({{example, without_files}}, {}, check_keys);
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST(PrintResult, ReturnsTheExitCode) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(print_result({2, "out\n", "err\n"}), 2);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "out\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "err\n");
}

}  // namespace
}  // namespace pushwire::server
