#include "protocol/server_message.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/json_reader.h"

namespace pushwire::protocol {
namespace {

std::string written(const MessageParts& parts) {
  std::string out(message_size(parts), '?');
  EXPECT_EQ(write_message(parts, out.data()), out.data() + out.size());
  EXPECT_EQ(out.substr(payload_offset(parts), parts.payload.size()), parts.payload);
  JsonReader reader(out);
  reader.skip_value();
  EXPECT_TRUE(reader.finish()) << out;
  return out;
}

TEST(ServerMessage, WelcomeSaysWhoAndWhere) {
  const std::array<std::string_view, 2> topics = {"a", "b/c"};
  EXPECT_EQ(welcome_text({"AZaz09-_AZaz09-_AZaz09", "alice", "n1", 25000, topics}),
            R"({"type":"welcome","session":"AZaz09-_AZaz09-_AZaz09","user":"alice","node":"n1",)"
            R"("heartbeat_ms":25000,"topics":["a","b/c"]})");
}

TEST(ServerMessage, WelcomeWithoutTopicsHasAnEmptyList) {
  EXPECT_EQ(welcome_text({"s", "\"\u00fc\"", "n", 1, {}}),
            "{\"type\":\"welcome\",\"session\":\"s\",\"user\":\"\\\"\u00fc\\\"\",\"node\":\"n\",\"heartbeat_ms\":1,"
            "\"topics\":[]}");
}

TEST(ServerMessage, AnswersToSubscriptionsAndPings) {
  EXPECT_EQ(subscribed_text("news"), R"({"type":"subscribed","topic":"news"})");
  EXPECT_EQ(unsubscribed_text("news"), R"({"type":"unsubscribed","topic":"news"})");
  EXPECT_EQ(pong_text(), R"({"type":"pong"})");
}

TEST(ServerMessage, ErrorNamesTheTopicOnlyIfThereIsOne) {
  EXPECT_EQ(error_text({"bad_message", "no \"type\"", std::nullopt}),
            R"({"type":"error","code":"bad_message","message":"no \"type\""})");
  EXPECT_EQ(error_text({"topic_invalid", "m", "a\nb"}),
            R"({"type":"error","code":"topic_invalid","message":"m","topic":"a\nb"})");
}

TEST(ServerMessage, MessageCarriesJsonByteForByte) {
  EXPECT_EQ(written({"m1", std::nullopt, std::nullopt, PayloadKind::kJson, R"({ "n": 1.0 })"}),
            R"({"type":"message","id":"m1","data":{ "n": 1.0 }})");
}

TEST(ServerMessage, MessageHasItsMembersInTheOrderOfTheProtocol) {
  EXPECT_EQ(written({"m1", "order", "shop/1", PayloadKind::kJson, "null"}),
            R"({"type":"message","id":"m1","event":"order","topic":"shop/1","data":null})");
  EXPECT_EQ(written({"m1", std::nullopt, "shop/1", PayloadKind::kJson, "null"}),
            R"({"type":"message","id":"m1","topic":"shop/1","data":null})");
}

TEST(ServerMessage, MessageKeepsAnEmptyEventThatWasGiven) {
  EXPECT_EQ(written({"m1", "", std::nullopt, PayloadKind::kJson, "0"}),
            R"({"type":"message","id":"m1","event":"","data":0})");
}

TEST(ServerMessage, MessageEscapesEveryNameItIsGiven) {
  EXPECT_EQ(written({"m\"1", "a\"\\b", "t\n", PayloadKind::kJson, "0"}),
            R"({"type":"message","id":"m\"1","event":"a\"\\b","topic":"t\n","data":0})");
}

TEST(ServerMessage, MessageCarriesTextAsItWasEscaped) {
  EXPECT_EQ(written({"m1", std::nullopt, std::nullopt, PayloadKind::kText, R"("a\u0041\n")"}),
            R"({"type":"message","id":"m1","text":"a\u0041\n"})");
}

TEST(ServerMessage, MessageCarriesBase64InQuotes) {
  EXPECT_EQ(written({"m1", "e", std::nullopt, PayloadKind::kBinary, "AP8="}),
            R"({"type":"message","id":"m1","event":"e","base64":"AP8="})");
  EXPECT_EQ(written({"m1", std::nullopt, std::nullopt, PayloadKind::kBinary, ""}),
            R"({"type":"message","id":"m1","base64":""})");
}

TEST(ServerMessage, RawPayloadIsCutOutOfTheWrittenMessage) {
  const MessageParts parts{"m1", "e\"", "t", PayloadKind::kText, R"("hi\n")"};
  const std::string out = written(parts);
  EXPECT_EQ(raw_payload(parts.kind, std::string_view(out).substr(payload_offset(parts), parts.payload.size())), "hi\n");
}

}  // namespace
}  // namespace pushwire::protocol
