#include "api/push_api.h"

#include <gtest/gtest.h>

#include "api/api_test_support.h"
#include "api/routes.h"

namespace pushwire::api {
namespace {

using bus::PublishOutcome;
using metrics::PushResult;
using metrics::PushTarget;
using test::ApiRig;
using test::ScriptedBus;

constexpr std::string_view kDraining =
    R"(503 {"error":{"code":"draining","message":"this node is shutting down: call another one"}})"
    "\n";
constexpr std::string_view kConflictError =
    R"("error":{"code":"conflict","message":"this id was used with another body","field":"id"}})";

class PushApiTest : public ::testing::Test {
 protected:
  bus::EmbeddedBus bus_;
};

TEST_F(PushApiTest, AcceptedPushIsInTheMailboxOfTheUsersHome) {
  ApiRig rig(bus_, 3);
  EXPECT_EQ(rig.push(R"({"to":{"user":"alice"},"data":{"n":1},"id":"a1"})"), "200 {\"id\":\"a1\",\"accepted\":true}\n");
  std::size_t delivered = 0;
  for (std::uint32_t worker = 0; worker < 3; ++worker) {
    rig.collect(worker);
    delivered += rig.seats[worker]->mail.size();
    EXPECT_EQ(rig.seats[worker]->mail.size(), worker == rig.router.home_worker("alice") ? 1U : 0U);
  }
  EXPECT_EQ(delivered, 1U);
  EXPECT_EQ(rig.pushes(PushTarget::kUser, PushResult::kAccepted), 1U);
  EXPECT_EQ(rig.requests(0, 200), 1U);
}

TEST_F(PushApiTest, MakesAnIdOf22CharactersWhenTheCallerGivesNone) {
  ApiRig rig(bus_);
  const std::string one = rig.push(R"({"to":{"all":true},"data":1})");
  const std::string two = rig.push(R"({"to":{"all":true},"data":1})");
  EXPECT_EQ(one.size(), std::string_view(R"(200 {"id":"","accepted":true})").size() + 22 + 1);
  EXPECT_NE(one, two);  // the same body twice is two pushes
  EXPECT_EQ(rig.pushes(PushTarget::kAll, PushResult::kAccepted), 2U);
}

TEST_F(PushApiTest, SameIdAndBodyIsADuplicateAndNotDeliveredAgain) {
  ApiRig rig(bus_);
  constexpr std::string_view kPush = R"({"to":{"topic":"t"},"data":1,"id":"x"})";
  EXPECT_EQ(rig.push(kPush), "200 {\"id\":\"x\",\"accepted\":true}\n");
  EXPECT_EQ(rig.push(kPush), "200 {\"id\":\"x\",\"accepted\":true,\"duplicate\":true}\n");
  EXPECT_EQ(rig.seats[0]->mail.size(), 1U);
  EXPECT_EQ(rig.pushes(PushTarget::kTopic, PushResult::kDuplicate), 1U);
}

TEST_F(PushApiTest, SameIdWithAnotherBodyIsAConflictThatNamesTheField) {
  ApiRig rig(bus_);
  (void)rig.push(R"({"to":{"topic":"t"},"data":1,"id":"x"})");
  EXPECT_EQ(rig.push(R"({"to":{"topic":"t"},"data":2,"id":"x"})"), fmt::format("409 {{{}\n", kConflictError));
  EXPECT_EQ(rig.pushes(PushTarget::kTopic, PushResult::kInvalid), 1U);
  EXPECT_EQ(rig.requests(0, 409), 1U);
}

TEST_F(PushApiTest, BatchIsAnsweredInOrderWithAStatusForEach) {
  ApiRig rig(bus_);
  const std::string body =
      fmt::format(R"({{"pushes":[{},{},{}]}})", R"({"to":{"user":"a"},"data":1,"id":"1"})",
                  R"({"to":{"user":"a"},"data":2,"id":"1"})", R"({"to":{"users":["a","b"]},"text":"","id":"2"})");
  EXPECT_EQ(
      rig.ask(ApiRig::post("/v1/push/batch", body)),
      fmt::format(R"(200 {{"results":[{},{},{}]}})"
                  "\n",
                  R"({"status":200,"id":"1","accepted":true})", fmt::format(R"({{"status":409,{})", kConflictError),
                  R"({"status":200,"id":"2","accepted":true})"));
  EXPECT_EQ(rig.pushes(PushTarget::kUsers, PushResult::kAccepted), 1U);
  EXPECT_EQ(rig.requests(1, 200), 1U);
}

TEST_F(PushApiTest, LinesAreAnsweredWithLines) {
  ApiRig rig(bus_);
  const std::string lines = R"({"to":{"user":"a"},"data":1,"id":"1"})"
                            "\nnonsense\n"
                            R"({"to":{"session":"AAAAAAAAAAAAAAAAAAAAAA"},"data":1,"id":"2"})"
                            "\n";
  const std::string all = rig.raw(ApiRig::post("/v1/push/batch", lines, "application/x-ndjson"));
  EXPECT_NE(all.find("Content-Type: application/x-ndjson\r\n"), std::string::npos);
  const std::string body = all.substr(all.find("\r\n\r\n") + 4);
  EXPECT_TRUE(body.starts_with(R"({"status":200,"id":"1","accepted":true})"
                               "\n"
                               R"({"status":400,"error":{"code":)"))
      << body;
  EXPECT_TRUE(body.ends_with("}}\n{\"status\":200,\"id\":\"2\",\"accepted\":true}\n")) << body;
  EXPECT_EQ(rig.pushes(PushTarget::kUnknown, PushResult::kInvalid), 1U);
  EXPECT_EQ(rig.pushes(PushTarget::kSession, PushResult::kAccepted), 1U);
}

TEST_F(PushApiTest, ABatchOfNothingIsRefusedWhole) {
  ApiRig rig(bus_);
  EXPECT_TRUE(rig.ask(ApiRig::post("/v1/push/batch", R"({"pushes":[]})")).starts_with("422 {\"error\":{"));
  EXPECT_TRUE(rig.ask(ApiRig::post("/v1/push/batch", "[")).starts_with("400 {\"error\":{"));
  EXPECT_EQ(rig.pushes(PushTarget::kUnknown, PushResult::kInvalid), 2U);
}

TEST_F(PushApiTest, WhatIsNoPushIsCountedAndNotDelivered) {
  ApiRig rig(bus_);
  const std::string syntax = rig.push(R"({"to":)");
  EXPECT_TRUE(syntax.starts_with("400 {\"error\":{")) << syntax;
  EXPECT_NE(syntax.find(R"("byte":)"), std::string::npos);
  const std::string value = rig.push(R"({"to":{"user":""},"data":1})");
  EXPECT_TRUE(value.starts_with("422 {\"error\":{")) << value;
  EXPECT_NE(value.find(R"("field":"to.user")"), std::string::npos);
  EXPECT_EQ(rig.pushes(PushTarget::kUnknown, PushResult::kInvalid), 2U);
  EXPECT_TRUE(rig.seats[0]->mail.empty());
}

TEST_F(PushApiTest, WhileDrainingNothingIsAccepted) {
  ApiRig rig(bus_);
  rig.view.draining = true;
  const std::string all = rig.raw(ApiRig::post("/v1/push", R"({"to":{"user":"a"},"data":1})"));
  EXPECT_EQ(http::testing::answers_in(all), kDraining);
  EXPECT_NE(all.find("Retry-After: 1\r\n"), std::string::npos);
  EXPECT_EQ(rig.ask(ApiRig::post("/v1/push/batch", R"({"pushes":[{"to":{"user":"a"},"data":1}]})")), kDraining);
  EXPECT_TRUE(rig.seats[0]->mail.empty());
}

TEST_F(PushApiTest, FullMailboxIs503AndDoesNotUseUpTheId) {
  ApiRig rig(bus_, 1, 1);
  ASSERT_TRUE(rig.seats[0]->mailbox.reserve(1));
  constexpr std::string_view kPush = R"({"to":{"user":"a"},"data":1,"id":"x"})";
  const std::string all = rig.raw(ApiRig::post("/v1/push", kPush));
  EXPECT_TRUE(all.starts_with("HTTP/1.1 503 ")) << all;
  EXPECT_NE(all.find("Retry-After: 1\r\n"), std::string::npos);
  EXPECT_NE(all.find(R"({"error":{"code":"overloaded",)"), std::string::npos);
  EXPECT_EQ(rig.pushes(PushTarget::kUser, PushResult::kOverloaded), 1U);
  EXPECT_EQ(rig.stats().drops[metrics::index_of(metrics::DropReason::kOverloaded)].value(), 1U);
  rig.seats[0]->mailbox.release(1);
  EXPECT_EQ(rig.push(kPush), "200 {\"id\":\"x\",\"accepted\":true}\n");
}

TEST(PushApiLater, AnswerComesWhenTheBusHasSettledAllOfABatch) {
  ScriptedBus bus;
  ApiRig rig(bus);
  bus.now = {std::nullopt, PublishOutcome::kAccepted, std::nullopt};
  const net::Fd client = rig.connect();
  rig.send(client,
           ApiRig::post("/v1/push/batch", R"({"pushes":[{"to":{"user":"a"},"data":1,"id":"1"},)"
                                          R"({"to":{"user":"a"},"data":1,"id":"2"},)"
                                          R"({"to":{"all":false},"data":1},{"to":{"all":true},"data":1,"id":"4"}]})"));
  EXPECT_EQ(ApiRig::receive(client), "");
  bus.tell(1, PublishOutcome::kUnavailable);
  rig.turns();
  EXPECT_EQ(ApiRig::receive(client), "");
  bus.tell(0, PublishOutcome::kAccepted);
  rig.turns();
  const std::string answer = ApiRig::short_form(ApiRig::receive(client));
  EXPECT_TRUE(answer.starts_with(R"(200 {"results":[{"status":200,"id":"1","accepted":true},)"
                                 R"({"status":200,"id":"2","accepted":true},{"status":422,"error":{)"))
      << answer;
  EXPECT_TRUE(answer.ends_with(R"(,{"status":503,"error":{"code":"unavailable",)"
                               R"("message":"the bus cannot take pushes at this moment: try again"}}]})"
                               "\n"))
      << answer;
  EXPECT_EQ(rig.pushes(PushTarget::kAll, PushResult::kUnavailable), 1U);
  EXPECT_EQ(rig.pushes(PushTarget::kUser, PushResult::kAccepted), 2U);
}

TEST(PushApiLater, OutcomeOfACallerWhoHasGoneIsCountedAllTheSame) {
  ScriptedBus bus;
  ApiRig rig(bus);
  {
    const net::Fd client = rig.connect();
    rig.send(client, ApiRig::post("/v1/push", R"({"to":{"user":"a"},"data":1,"id":"1"})"));
  }
  rig.turns();
  EXPECT_EQ(rig.server.open_count(), 0U);
  const net::Fd next = rig.connect();  // takes the slot of the one that went
  bus.tell(0, PublishOutcome::kAccepted);
  rig.turns();
  EXPECT_EQ(ApiRig::receive(next), "");
  EXPECT_EQ(rig.pushes(PushTarget::kUser, PushResult::kAccepted), 1U);
  EXPECT_EQ(rig.push(R"({"to":{"user":"a"},"data":1,"id":"1"})"),
            "200 {\"id\":\"1\",\"accepted\":true,\"duplicate\":true}\n");
}

TEST(PushApiLater, TheSameIdWhileTheFirstIsOnItsWayHasToBeTriedAgain) {
  ScriptedBus bus;
  ApiRig rig(bus);
  constexpr std::string_view kPush = R"({"to":{"user":"a"},"data":1,"id":"1"})";
  const net::Fd client = rig.connect();
  rig.send(client, ApiRig::post("/v1/push", kPush));
  EXPECT_TRUE(rig.push(kPush).starts_with("503 "));
  bus.tell(0, PublishOutcome::kUnavailable);
  rig.turns();
  EXPECT_TRUE(ApiRig::short_form(ApiRig::receive(client)).starts_with(R"(503 {"error":{"code":"unavailable")"));
  bus.now = {PublishOutcome::kAccepted};
  EXPECT_EQ(rig.push(kPush), "200 {\"id\":\"1\",\"accepted\":true}\n");
}

TEST(PushApiLater, WhatIsTooLargeForTheBusIs413AndSaysHowMuchItTakes) {
  test::ScriptedBus bus;
  bus.now = {bus::PublishOutcome::kTooLarge, bus::PublishOutcome::kTooLarge, bus::PublishOutcome::kAccepted};
  ApiRig rig(bus);
  const std::string body = R"({"to":{"user":"a"},"data":1,"id":"x"})";
  const std::string refused = rig.push(body);
  EXPECT_TRUE(refused.starts_with(R"(413 {"error":{"code":"too_large","message":")")) << refused;
  EXPECT_NE(refused.find(std::to_string(bus.largest_record())), std::string::npos) << refused;
  const std::string batch = rig.ask(ApiRig::post("/v1/push/batch", R"({"pushes":[)" + body + "]}"));
  EXPECT_TRUE(batch.starts_with(R"(200 {"results":[{"status":413,"error":{"code":"too_large")")) << batch;
  EXPECT_EQ(rig.pushes(metrics::PushTarget::kUser, metrics::PushResult::kInvalid), 2U);
  EXPECT_TRUE(rig.push(body).starts_with("200 ")) << "its id has not been used up";
}

TEST(PushApiLater, EnvelopeSaysWhatTheCallerSaid) {
  ScriptedBus bus;
  ApiRig rig(bus);
  bus.now = {PublishOutcome::kAccepted, PublishOutcome::kAccepted};
  (void)rig.push(R"({"to":{"users":["a","b","a"]},"data":{ "n": 1 },)"
                 R"("event":"e","ttl_ms":7,"id":"1","exclude":{"user":"b"}})");
  (void)rig.push(R"({"to":{"topic":"t/1"},"text":"x\u0041"})");
  ASSERT_EQ(bus.envelopes.size(), 2U);
  const bus::Envelope& first = bus.envelopes[0];
  EXPECT_EQ(first.kind, bus::EnvelopeKind::kUsers);
  EXPECT_EQ(first.users, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(first.payload, R"({ "n": 1 })");
  EXPECT_EQ(first.event, "e");
  EXPECT_EQ(first.ttl_ms, 7);
  EXPECT_EQ(first.id, "1");
  EXPECT_EQ(first.exclude_user, "b");
  EXPECT_EQ(first.exclude_session, "");
  EXPECT_EQ(first.origin, rig.view.name);
  EXPECT_GT(first.born_ms, 0);
  EXPECT_GT(first.received_ns, 0);
  const bus::Envelope& second = bus.envelopes[1];
  EXPECT_EQ(second.kind, bus::EnvelopeKind::kTopic);
  EXPECT_EQ(second.key, "t/1");
  EXPECT_EQ(second.ttl_ms, 0);
  EXPECT_FALSE(second.event);
}

}  // namespace
}  // namespace pushwire::api
