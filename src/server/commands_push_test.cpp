#include "server/commands_push.h"

#include <gtest/gtest.h>

#include "server/commands.h"

namespace pushwire::server {
namespace {

std::string body_of(const PushCommand& command) {
  const auto body = push_body(command);
  return body ? *body : "refused: " + body.error().message;
}

PushCommand with_data(std::string data) {
  PushCommand command;
  command.data = std::move(data);
  return command;
}

TEST(CommandsPush, DataGoesInByteForByte) {
  EXPECT_EQ(body_of(with_data("{\"n\" : 1.0,  \"a\":[1]}")),
            "{\"to\":{\"all\":true},\"data\":{\"n\" : 1.0,  \"a\":[1]}}");
  for (const char* data : {"1", "-5", " \"a\" ", "null", "true", "[]", "1e5"}) {
    EXPECT_EQ(body_of(with_data(data)), std::string("{\"to\":{\"all\":true},\"data\":") + data + "}");
  }
}

TEST(CommandsPush, DataCannotEndTheObjectAroundIt) {
  for (const char* data : {"1},\"to\":{\"all\":true}", "1,\"x\":2", "", " ", "{", "hello", "1 2", "\"a", "\"\xff\""}) {
    EXPECT_TRUE(body_of(with_data(data)).starts_with("refused: DATA is not ")) << data;
  }
  EXPECT_TRUE(body_of(with_data("hello")).ends_with(", expected JSON like '{\"n\":1}' or '\"text\"', or --text"));
}

TEST(CommandsPush, TextIsEscaped) {
  PushCommand command = with_data("say \"hi\"\n");
  command.payload = PushPayload::kText;
  EXPECT_EQ(body_of(command), "{\"to\":{\"all\":true},\"text\":\"say \\\"hi\\\"\\n\"}");
}

TEST(CommandsPush, TargetAndOptionsBecomeMembers) {
  PushCommand command = with_data("1");
  command.target = PushTarget::kUser;
  command.target_name = "a\"b";
  command.event = "e\\";
  command.id = "i";
  command.ttl_ms = 7;
  EXPECT_EQ(body_of(command),
            "{\"to\":{\"user\":\"a\\\"b\"},\"event\":\"e\\\\\",\"id\":\"i\",\"ttl_ms\":7,\"data\":1}");
  command.target = PushTarget::kTopic;
  EXPECT_TRUE(body_of(command).starts_with("{\"to\":{\"topic\":"));
  command.target = PushTarget::kSession;
  EXPECT_TRUE(body_of(command).starts_with("{\"to\":{\"session\":"));
}

TEST(CommandsPush, WrongDataAndWrongKeyAreWrongUsage) {
  EXPECT_EQ(run_push(with_data("hello"), {}).exit_code, 2);
  const auto result = run_push(with_data("1"), {{"PUSHWIRE_API_KEY", "two words"}});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            "pushwire: the key is not an API key, expected 1 to 512 visible ASCII characters without blanks\n");
}

}  // namespace
}  // namespace pushwire::server
