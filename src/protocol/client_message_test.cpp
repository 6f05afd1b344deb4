#include "protocol/client_message.h"

#include <gtest/gtest.h>

#include <string>

namespace pushwire::protocol {
namespace {

ClientMessage accepted(std::string_view text) {
  Result<ClientMessage, ClientMessageFault> message = parse_client_message(text);
  EXPECT_TRUE(message.has_value()) << text;
  return message ? *message : ClientMessage{};
}

ClientMessageFault refused(std::string_view text) {
  Result<ClientMessage, ClientMessageFault> message = parse_client_message(text);
  EXPECT_FALSE(message.has_value()) << text;
  return message ? ClientMessageFault{} : message.error();
}

TEST(ClientMessage, UnderstandsEachType) {
  EXPECT_EQ(accepted(R"({"type":"ping"})").kind, ClientMessageKind::kPing);
  const ClientMessage subscribe = accepted(R"({"type":"subscribe","topic":"news/a"})");
  EXPECT_EQ(subscribe.kind, ClientMessageKind::kSubscribe);
  EXPECT_EQ(subscribe.value.view(), "news/a");
  const ClientMessage unsubscribe = accepted(R"({"topic":"news/a","type":"unsubscribe"})");
  EXPECT_EQ(unsubscribe.kind, ClientMessageKind::kUnsubscribe);
  EXPECT_EQ(unsubscribe.value.view(), "news/a");
  const ClientMessage ack = accepted(R"( { "type" : "ack" , "id" : "m-1" } )");
  EXPECT_EQ(ack.kind, ClientMessageKind::kAck);
  EXPECT_EQ(ack.value.view(), "m-1");
}

TEST(ClientMessage, CopiesNothingThatIsNotEscaped) {
  const std::string_view text = R"({"type":"subscribe","topic":"news"})";
  EXPECT_EQ(accepted(text).value.view().data(), text.data() + text.find("news"));
}

TEST(ClientMessage, ResolvesEscapes) {
  EXPECT_EQ(accepted(R"({"\u0074ype":"sub\u0073cribe","topic":"a\/b"})").value.view(), "a/b");
}

TEST(ClientMessage, IgnoresUnknownMembers) {
  accepted(R"({"type":"ping","x":{"type":[1]},"x":2,"":null})");
  accepted(R"({"type":"ping","topic":5,"id":[]})");
}

TEST(ClientMessage, RefusesWhatIsNotJson) {
  for (const std::string_view text :
       {"", "ping", "{", R"({"type":"ping"}x)", R"({"type":"ping",})", "{\"type\":\"\xff\"}"}) {
    EXPECT_EQ(refused(text).code, kBadMessage);
    EXPECT_EQ(refused(text).message, "the message is not JSON") << text;
  }
}

TEST(ClientMessage, RefusesWhatIsNoObject) {
  for (const std::string_view text : {"[]", "1", R"("ping")", "null"}) {
    EXPECT_EQ(refused(text).code, kBadMessage) << text;
  }
}

TEST(ClientMessage, RefusesMissingUnknownOrWronglyTypedType) {
  for (const std::string_view text : {"{}", R"({"type":null})", R"({"type":1})", R"({"type":"PING"})", R"({"type":""})",
                                      R"({"type":"message"})", R"({"type":"\ud800"})", R"({"Type":"ping"})"}) {
    EXPECT_EQ(refused(text).code, kBadMessage) << text;
  }
}

TEST(ClientMessage, RefusesAMemberThatIsThereTwice) {
  for (const std::string_view text : {R"({"type":"ping","type":"ping"})", R"({"type":"ping","\u0074ype":"ping"})",
                                      R"({"type":"subscribe","topic":"a","topic":"a"})"}) {
    EXPECT_EQ(refused(text).code, kBadMessage) << text;
  }
}

TEST(ClientMessage, RefusesMissingOrWronglyTypedMembers) {
  for (const std::string_view text :
       {R"({"type":"subscribe"})", R"({"type":"subscribe","topic":1})", R"({"type":"unsubscribe","topic":null})",
        R"({"type":"ack"})", R"({"type":"ack","id":7})", R"({"type":"ack","id":"a b"})", R"({"type":"ack","id":""})"}) {
    EXPECT_EQ(refused(text).code, kBadMessage) << text;
    EXPECT_FALSE(refused(text).topic.has_value());
  }
}

TEST(ClientMessage, NamesTheTopicThatIsInvalid) {
  for (const std::string_view topic : {"", "a b", "news/*", "\u00fc"}) {
    const std::string text = R"({"type":"subscribe","topic":")" + std::string(topic) + "\"}";
    EXPECT_EQ(refused(text).code, kTopicInvalid);
    EXPECT_EQ(refused(text).topic, topic);
  }
  EXPECT_EQ(refused(R"({"type":"unsubscribe","topic":"\n"})").topic, "\n");
}

TEST(ClientMessage, DoesNotRepeatTopicsThatAreLongOrNoText) {
  const ClientMessageFault too_long = refused(R"({"type":"subscribe","topic":")" + std::string(129, 't') + "\"}");
  EXPECT_EQ(too_long.code, kTopicInvalid);
  EXPECT_FALSE(too_long.topic.has_value());
  const ClientMessageFault lone = refused(R"({"type":"subscribe","topic":"\ud800"})");
  EXPECT_EQ(lone.code, kTopicInvalid);
  EXPECT_FALSE(lone.topic.has_value());
}

TEST(ClientMessage, RefusesDeepNestingWithoutHarm) {
  EXPECT_EQ(refused(R"({"type":"ping","x":)" + std::string(60'000, '[')).code, kBadMessage);
}

}  // namespace
}  // namespace pushwire::protocol
