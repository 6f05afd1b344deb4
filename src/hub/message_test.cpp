#include "hub/message.h"

#include <gtest/gtest.h>

#include <string>

#include "hub/hub_test_support.h"

namespace pushwire::hub {
namespace {

using bus::Envelope;
using bus::EnvelopeKind;
using protocol::PayloadKind;

Envelope with_payload(PayloadKind kind, std::string payload) {
  Envelope envelope = test::envelope_to(EnvelopeKind::kUser, "alice", "m1");
  envelope.payload_kind = kind;
  envelope.payload = std::move(payload);
  return envelope;
}

TEST(Message, IsTheFrameOfTheProtocolByteForByte) {
  const Message message(with_payload(PayloadKind::kJson, R"({"n": 1 })"));
  EXPECT_EQ(message.frame().view(), "\x81\x2d{\"type\":\"message\",\"id\":\"m1\",\"data\":{\"n\": 1 }}");
}

TEST(Message, NamesEventAndTopicOnlyWhenGiven) {
  Envelope envelope = test::envelope_to(EnvelopeKind::kTopic, "news/1", "m1");
  EXPECT_EQ(Message(envelope).frame().view().substr(2), R"({"type":"message","id":"m1","topic":"news/1","data":1})");
  envelope.event = "a\"b";
  EXPECT_EQ(Message(envelope).frame().view().substr(2),
            R"({"type":"message","id":"m1","event":"a\"b","topic":"news/1","data":1})");
  envelope.kind = EnvelopeKind::kUser;
  envelope.event = "";
  EXPECT_EQ(Message(envelope).frame().view().substr(2), R"({"type":"message","id":"m1","event":"","data":1})");
}

TEST(Message, CarriesTextAndBase64) {
  EXPECT_EQ(Message(with_payload(PayloadKind::kText, R"("a\nb")")).frame().view().substr(2),
            R"({"type":"message","id":"m1","text":"a\nb"})");
  EXPECT_EQ(Message(with_payload(PayloadKind::kBinary, "AAEC")).frame().view().substr(2),
            R"({"type":"message","id":"m1","base64":"AAEC"})");
  EXPECT_EQ(Message(with_payload(PayloadKind::kText, R"("")")).frame().view().substr(2),
            R"({"type":"message","id":"m1","text":""})");
}

TEST(SoundPush, IsOneThatTheApiWouldHaveTaken) {
  Envelope good = with_payload(PayloadKind::kJson, "1");
  EXPECT_TRUE(is_sound(good));
  const auto spoilt = [&good](auto&& spoil) {
    Envelope bad = good;
    spoil(bad);
    return !is_sound(bad);
  };
  EXPECT_TRUE(spoilt([](Envelope& e) { e.id = ""; }));
  EXPECT_TRUE(spoilt([](Envelope& e) { e.id = "\xff"; }));
  EXPECT_TRUE(spoilt([](Envelope& e) { e.event = "\xff"; }));
  EXPECT_TRUE(spoilt([](Envelope& e) { e.event = std::string(1'000, 'e'); }));
  EXPECT_TRUE(spoilt([](Envelope& e) { e.kind = EnvelopeKind::kTopic, e.key = "no topic"; }));
  EXPECT_TRUE(spoilt([](Envelope& e) { e.payload = ""; }));
  EXPECT_TRUE(spoilt([](Envelope& e) { e.payload_kind = PayloadKind::kText; }));
}

TEST(Message, WritesLongLengths) {
  const Message message(with_payload(PayloadKind::kJson, "\"" + std::string(70'000, 'x') + "\""));
  const std::string_view frame = message.frame().view();
  EXPECT_EQ(static_cast<unsigned char>(frame[1]), 127);
  EXPECT_EQ(frame.substr(10, 8), R"({"type":)");
}

TEST(Message, GivesRawClientsThePayloadAlone) {
  EXPECT_EQ(Message(with_payload(PayloadKind::kJson, R"({"n":1})")).make_raw_frame().view(), "\x81\x07{\"n\":1}");
  EXPECT_EQ(Message(with_payload(PayloadKind::kText, R"("a\n\u00e9")")).make_raw_frame().view(),
            "\x81\x04"
            "a\n\xc3\xa9");
  EXPECT_EQ(Message(with_payload(PayloadKind::kBinary, "AAEC")).make_raw_frame().view(),
            std::string_view("\x82\x03\x00\x01\x02", 5));
  EXPECT_EQ(Message(with_payload(PayloadKind::kBinary, "")).make_raw_frame().view(), std::string_view("\x82\x00", 2));
}

TEST(Message, FindsThePayloadBehindEventAndTopic) {
  Envelope envelope = test::envelope_to(EnvelopeKind::kTopic, "t", "m1");
  envelope.event = "\x01";
  envelope.payload = "[1,2]";
  EXPECT_EQ(Message(envelope).make_raw_frame().view(), "\x81\x05[1,2]");
}

TEST(Message, ExpiresWhenItsTimeHasPassedSinceItWasBorn) {
  Envelope envelope = test::envelope_to(EnvelopeKind::kAll, "");
  envelope.born_ms = 1000;
  EXPECT_FALSE(Message(envelope).expired(1'000'000'000));
  envelope.ttl_ms = 50;
  EXPECT_FALSE(Message(envelope).expired(1049));
  EXPECT_TRUE(Message(envelope).expired(1050));
}

TEST(Message, RemembersWhoIsLeftOut) {
  Envelope envelope = test::envelope_to(EnvelopeKind::kAll, "");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(Message(envelope).exclude()));
  envelope.exclude_user = "bob";
  EXPECT_EQ(std::get<std::string>(Message(envelope).exclude()), "bob");
  envelope.exclude_user.clear();
  envelope.exclude_session = std::string(22, 'A');
  EXPECT_EQ(std::get<session::SessionId>(Message(envelope).exclude()), session::SessionId{});
  envelope.exclude_session = "nobody's";
  EXPECT_TRUE(std::holds_alternative<std::monostate>(Message(envelope).exclude()));
}

TEST(Message, TellsTheLastWorkerAndWhetherAnybodyGotIt) {
  Message reached(test::envelope_to(EnvelopeKind::kAll, ""));
  reached.expect_workers(3);
  EXPECT_FALSE(reached.worker_done(0));
  EXPECT_FALSE(reached.worker_done(7));
  EXPECT_TRUE(reached.worker_done(0));
  Message unreached(test::envelope_to(EnvelopeKind::kAll, ""));
  unreached.expect_workers(1);
  EXPECT_FALSE(unreached.worker_done(0));
}

}  // namespace
}  // namespace pushwire::hub
