#include "server/command_line.h"

#include <gtest/gtest.h>

namespace pushwire::server {
namespace {

template <class Command>
Command parsed(const std::vector<std::string>& arguments) {
  CommandLine line = parse_command_line(arguments);
  if (const auto* usage = std::get_if<UsageMessage>(&line)) {
    ADD_FAILURE() << usage->text;
  }
  return std::holds_alternative<Command>(line) ? std::get<Command>(std::move(line)) : Command{};
}

UsageMessage usage(const std::vector<std::string>& arguments) {
  CommandLine line = parse_command_line(arguments);
  EXPECT_TRUE(std::holds_alternative<UsageMessage>(line));
  return std::holds_alternative<UsageMessage>(line) ? std::get<UsageMessage>(line) : UsageMessage{-1, ""};
}

TEST(CommandLine, ServeTakesAFileAndEachSetOnItsOwn) {
  const auto serve =
      parsed<ServeCommand>({"serve", "--config", "a.toml", "--set", "a=1,2", "--set", "client.listen=[::1]:0"});
  EXPECT_EQ(serve.config.file, "a.toml");
  EXPECT_EQ(serve.config.overrides, (std::vector<std::string>{"a=1,2", "client.listen=[::1]:0"}));
  EXPECT_FALSE(parsed<ServeCommand>({"serve"}).config.file);
}

TEST(CommandLine, CheckNeedsAFile) {
  EXPECT_EQ(parsed<CheckCommand>({"check", "--config", "a.toml"}).config.file, "a.toml");
  EXPECT_EQ(usage({"check"}).text, "pushwire: --config is required\nSee pushwire check --help\n");
  EXPECT_EQ(usage({"check"}).exit_code, 2);
}

TEST(CommandLine, TokenHasAnHourUnlessToldOtherwise) {
  const auto token = parsed<TokenCommand>({"token", "--user", "alice"});
  EXPECT_EQ(token.user, "alice");
  EXPECT_EQ(token.ttl, std::chrono::hours(1));
  EXPECT_TRUE(token.topics.empty());
  const auto other = parsed<TokenCommand>({"token", "--user", "a", "--ttl", "5m", "--topics", "a,b.*", "--set", "x=y"});
  EXPECT_EQ(other.ttl, std::chrono::minutes(5));
  EXPECT_EQ(other.topics, (std::vector<std::string>{"a", "b.*"}));
  EXPECT_EQ(other.config.overrides, std::vector<std::string>{"x=y"});
}

TEST(CommandLine, TokenRefusesABadTime) {
  EXPECT_EQ(usage({"token", "--user", "a", "--ttl", "5"}).text,
            "pushwire: --ttl: \"5\" is a number without a unit, expected a whole number with ms, s, m or h like "
            "\"10s\"\nSee pushwire token --help\n");
  EXPECT_EQ(usage({"token", "--user", "a", "--ttl", "999ms"}).text,
            "pushwire: --ttl: \"999ms\" is too short, expected at least 1s\nSee pushwire token --help\n");
}

TEST(CommandLine, PushKnowsItsTargets) {
  EXPECT_EQ(parsed<PushCommand>({"push", "--to", "all", "1"}).target, PushTarget::kAll);
  const auto user = parsed<PushCommand>({"push", "--to", "user:a:b", "{\"n\": 1}"});
  EXPECT_EQ(user.target, PushTarget::kUser);
  EXPECT_EQ(user.target_name, "a:b");
  EXPECT_EQ(user.data, "{\"n\": 1}");
  EXPECT_EQ(parsed<PushCommand>({"push", "--to", "topic:t", "1"}).target, PushTarget::kTopic);
  EXPECT_EQ(parsed<PushCommand>({"push", "--to", "session:s", "1"}).target, PushTarget::kSession);
  for (const char* bad : {"alice", "user:", "usr:a", ""}) {
    EXPECT_EQ(usage({"push", "--to", bad, "1"}).text,
              std::string("pushwire: --to: \"") + bad +
                  "\" is no target, expected user:ID, topic:T, session:S or all\nSee pushwire push --help\n");
  }
}

TEST(CommandLine, PushTakesItsOptions) {
  const auto push = parsed<PushCommand>({"push", "--to", "all", "--text", "--event", "e", "--id", "i", "--ttl-ms", "5",
                                         "--api", "http://[::1]:99/", "--key", "k", "hello"});
  EXPECT_EQ(push.payload, PushPayload::kText);
  EXPECT_EQ(push.event, "e");
  EXPECT_EQ(push.id, "i");
  EXPECT_EQ(push.ttl_ms, 5U);
  EXPECT_EQ(push.host, "::1");
  EXPECT_EQ(push.port, "99");
  EXPECT_EQ(push.key, "k");
  EXPECT_EQ(push.data, "hello");
}

TEST(CommandLine, PushGoesToTheLocalApiUnlessToldOtherwise) {
  const auto push = parsed<PushCommand>({"push", "--to", "all", "-5"});
  EXPECT_EQ(push.host, "127.0.0.1");
  EXPECT_EQ(push.port, "8001");
  EXPECT_EQ(push.data, "-5");
  EXPECT_EQ(parsed<PushCommand>({"push", "--to", "all", "--api", "http://gate", "1"}).port, "80");
}

TEST(CommandLine, PushRefusesOtherAddresses) {
  for (const char* bad : {"ftp://a:1", "a:1", "http://", "http://a:0", "http://a:65536", "http://a:1/x", "http://[::1",
                          "http://[::1]x:1", "http://u@a:1", "http://a b:1"}) {
    EXPECT_EQ(usage({"push", "--to", "all", "--api", bad, "1"}).text,
              std::string("pushwire: --api: \"") + bad +
                  "\" is no address, expected http://HOST:PORT or https://HOST:PORT\nSee pushwire push --help\n");
  }
}

TEST(CommandLine, WrongUsageIsExitCodeTwo) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"--nope"},
                                                    {"serve", "--nope"},
                                                    {"serve", "extra"},
                                                    {"serve", "--set"},
                                                    {"push", "--to", "all"},
                                                    {"push", "--to", "all", "1", "2"},
                                                    {"push", "--to", "all", "--ttl-ms", "x", "1"},
                                                    {"token"},
                                                    {"serve", "--config", "a", "--config", "b"}}) {
    EXPECT_EQ(usage(arguments).exit_code, 2) << testing::PrintToString(arguments);
    EXPECT_FALSE(usage(arguments).text.empty());
  }
}

TEST(CommandLine, UnknownCommandNamesTheNearest) {
  EXPECT_EQ(usage({"srve"}).text, "pushwire: \"srve\" is no command, did you mean serve?\nSee pushwire --help\n");
  EXPECT_EQ(usage({"xyzzyxyzzy"}).text,
            "pushwire: \"xyzzyxyzzy\" is no command, expected \"serve\", \"check\", "
            "\"token\", \"push\" or \"version\"\nSee pushwire --help\n");
}

TEST(CommandLine, HelpIsAnAnswerNotAMistake) {
  for (const char* command : {"serve", "check", "token", "push", "version"}) {
    const auto help = usage({command, "--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_NE(help.text.find(std::string("Usage: pushwire ") + command + " [OPTIONS]"), std::string::npos) << help.text;
    EXPECT_NE(usage({"--help"}).text.find(command), std::string::npos);
  }
}

TEST(CommandLine, VersionAlsoAsAnOption) {
  (void)parsed<VersionCommand>({"version"});  // fails the test itself when it is something else
  (void)parsed<VersionCommand>({"--version"});
}

TEST(CommandLine, PushSpeaksTlsToAnHttpsApi) {
  const auto push = parsed<PushCommand>({"push", "--to", "all", "--api", "https://push.test", "--ca", "ca.pem", "1"});
  EXPECT_TRUE(push.tls);
  EXPECT_EQ(push.host, "push.test");
  EXPECT_EQ(push.port, "443");
  EXPECT_EQ(push.authorities, "ca.pem");
  EXPECT_FALSE(parsed<PushCommand>({"push", "--to", "all", "1"}).tls);
  EXPECT_NE(usage({"push", "--to", "all", "--ca", "ca.pem", "1"}).text.find("--ca"), std::string::npos);
}

}  // namespace
}  // namespace pushwire::server
