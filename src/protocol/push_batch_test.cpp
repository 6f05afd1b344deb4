#include "protocol/push_batch.h"

#include <gtest/gtest.h>

#include <string>

namespace pushwire::protocol {
namespace {

constexpr std::string_view kPush = R"({"to":{"user":"a"},"data":1})";

PushBatch batch_of(Result<PushBatch, PushError> batch) {
  EXPECT_TRUE(batch.has_value()) << (batch ? "" : batch.error().message);
  return batch ? std::move(*batch) : PushBatch{};
}

PushError error_of(Result<PushBatch, PushError> batch) {
  EXPECT_FALSE(batch.has_value());
  return batch ? PushError{} : batch.error();
}

std::string list_of(std::size_t count) {
  std::string list = R"({"pushes":[)";
  for (std::size_t i = 0; i < count; ++i) {
    list += i == 0 ? "" : ",";
    list += kPush;
  }
  return list + "]}";
}

TEST(PushBatch, ReadsEachPushInOrder) {
  const std::string_view body = R"({"pushes":[{"to":{"user":"a"},"data":1} , {"to":{"topic":"t"}, "text":"x" } ]})";
  const PushBatch batch = batch_of(parse_batch(body));
  ASSERT_EQ(batch.size(), 2U);
  EXPECT_EQ(std::get<ToUser>(batch[0]->to).user.view(), "a");
  EXPECT_EQ(batch[0]->body, R"({"to":{"user":"a"},"data":1})");
  EXPECT_EQ(batch[1]->body, R"({"to":{"topic":"t"}, "text":"x" })");
  EXPECT_EQ(batch[1]->payload.view().data(), body.data() + body.find("\"x\""));
}

TEST(PushBatch, OneWrongPushSpoilsNoOther) {
  const std::string body =
      R"({"pushes":[{},{"to":{"users":["a",""]},"data":1},7,{"to":{"all":true},"data":1,"data":2},)" +
      std::string(kPush) + "]}";
  const PushBatch batch = batch_of(parse_batch(body));
  ASSERT_EQ(batch.size(), 5U);
  EXPECT_EQ(batch[0].error().field, "pushes[0].to");
  EXPECT_EQ(batch[1].error().field, "pushes[1].to.users[1]");
  EXPECT_EQ(batch[2].error().field, "pushes[2]");
  EXPECT_EQ(batch[2].error().status, 422);
  EXPECT_EQ(batch[3].error().field, "pushes[3].data");
  EXPECT_EQ(batch[3].error().status, 400);
  EXPECT_EQ(batch[3].error().byte, body.find(R"("data":2)"));
  EXPECT_TRUE(batch[4].has_value());
}

TEST(PushBatch, TakesOneTo1000Pushes) {
  EXPECT_EQ(batch_of(parse_batch(list_of(1))).size(), 1U);
  EXPECT_EQ(batch_of(parse_batch(list_of(1000))).size(), 1000U);
  for (const std::size_t count : {0U, 1001U}) {
    const PushError error = error_of(parse_batch(list_of(count)));
    EXPECT_EQ(error.status, 422);
    EXPECT_EQ(error.field, "pushes");
  }
}

TEST(PushBatch, RefusesTheWholeWhenItIsNotJson) {
  const std::string body = R"({"pushes":[)" + std::string(kPush) + ",{\"to\":}]}";
  const PushError error = error_of(parse_batch(body));
  EXPECT_EQ(error.status, 400);
  EXPECT_EQ(error.code, kBadJson);
  EXPECT_EQ(error.byte, body.size() - 3);
  EXPECT_EQ(error_of(parse_batch("")).status, 400);
  EXPECT_EQ(error_of(parse_batch(list_of(1) + "x")).byte, list_of(1).size());
  EXPECT_EQ(error_of(parse_batch("[1,]")).byte, 3U);
}

TEST(PushBatch, TellsBadJsonBeforeTooManyPushes) {
  const std::string body = list_of(1001);
  EXPECT_EQ(error_of(parse_batch(body.substr(0, body.size() - 1))).status, 400);
}

TEST(PushBatch, RefusesOtherForms) {
  for (const std::string_view body : {"[]", "null", "1"}) {
    EXPECT_EQ(error_of(parse_batch(body)).status, 422) << body;
    EXPECT_EQ(error_of(parse_batch(body)).field, "") << body;
  }
  for (const std::string_view body : {"{}", R"({"pushes":{}})", R"({"pushes":null})", R"({"pushes":[]})"}) {
    EXPECT_EQ(error_of(parse_batch(body)).status, 422) << body;
    EXPECT_EQ(error_of(parse_batch(body)).field, "pushes") << body;
  }
}

TEST(PushBatch, RefusesUnknownAndRepeatedMembers) {
  const PushError unknown = error_of(parse_batch(R"({"pushes":[1],"more":[]})"));
  EXPECT_EQ(unknown.status, 422);
  EXPECT_EQ(unknown.field, "more");
  const PushError twice = error_of(parse_batch(R"({"pushes":[1],"pushes":[1]})"));
  EXPECT_EQ(twice.status, 400);
  EXPECT_EQ(twice.code, kDuplicateMember);
  EXPECT_EQ(twice.byte, 14U);
}

TEST(NdjsonBatch, ReadsOnePushALine) {
  const std::string push(kPush);
  for (const std::string& body : {push + "\n" + push, push + "\n" + push + "\n", push + "\r\n" + push + "\r\n",
                                  "\n\n" + push + "\n \t\n\r\n" + push + "\n\n"}) {
    const PushBatch batch = batch_of(parse_ndjson_batch(body));
    ASSERT_EQ(batch.size(), 2U) << body;
    EXPECT_EQ(batch[0]->body, kPush);
    EXPECT_EQ(batch[1]->body, kPush);
  }
}

TEST(NdjsonBatch, BadLinesGetTheirOwnErrors) {
  const PushBatch batch =
      batch_of(parse_ndjson_batch(std::string(kPush) + "\nnot json\n{}\n[1,]\n" + std::string(kPush)));
  ASSERT_EQ(batch.size(), 5U);
  EXPECT_TRUE(batch[0].has_value());
  EXPECT_EQ(batch[1].error().status, 400);
  EXPECT_EQ(batch[1].error().byte, 1U);
  EXPECT_EQ(batch[2].error().status, 422);
  EXPECT_EQ(batch[2].error().field, "to");
  EXPECT_EQ(batch[3].error().byte, 3U);
  EXPECT_TRUE(batch[4].has_value());
}

TEST(NdjsonBatch, APushOverTwoLinesIsTwoBadLines) {
  const PushBatch batch = batch_of(parse_ndjson_batch("{\"to\":{\"user\":\"a\"},\n\"data\":1}"));
  ASSERT_EQ(batch.size(), 2U);
  EXPECT_EQ(batch[0].error().status, 400);
  EXPECT_EQ(batch[1].error().status, 400);
}

TEST(NdjsonBatch, TakesOneTo1000Lines) {
  std::string body;
  for (int i = 0; i < 1000; ++i) {
    body += std::string(kPush) + "\n\n";
  }
  EXPECT_EQ(batch_of(parse_ndjson_batch(body)).size(), 1000U);
  EXPECT_EQ(error_of(parse_ndjson_batch(body + "x")).status, 422);
  EXPECT_EQ(error_of(parse_ndjson_batch("")).status, 422);
  EXPECT_EQ(error_of(parse_ndjson_batch("\n\r\n \n")).status, 422);
}

}  // namespace
}  // namespace pushwire::protocol
