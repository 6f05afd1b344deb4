#include "protocol/push_request.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>

namespace pushwire::protocol {
namespace {

constexpr std::string_view kSession = "AZaz09-_AZaz09-_AZaz09";

class ParsePush : public ::testing::Test {
 protected:
  // The body is kept, because the push is made of views into it.
  PushRequest accepted(std::string_view body) {
    Result<PushRequest, PushError> push = parse_push(bodies_.emplace_back(body));
    EXPECT_TRUE(push.has_value()) << body << ": " << (push ? "" : push.error().message);
    return push ? std::move(*push) : PushRequest{};
  }

 private:
  std::deque<std::string> bodies_;
};

PushError refused(std::string_view body) {
  Result<PushRequest, PushError> push = parse_push(body);
  EXPECT_FALSE(push.has_value()) << body;
  return push ? PushError{} : push.error();
}

void expect_invalid(std::string_view body, std::string_view field) {
  const PushError error = refused(body);
  EXPECT_EQ(error.status, 422) << body;
  EXPECT_EQ(error.code, kInvalid) << body;
  EXPECT_EQ(error.field, field) << body;
  EXPECT_FALSE(error.byte.has_value()) << body;
  EXPECT_FALSE(error.message.empty()) << body;
}

void expect_twice(std::string_view body, std::string_view field, std::size_t byte) {
  const PushError error = refused(body);
  EXPECT_EQ(error.status, 400) << body;
  EXPECT_EQ(error.code, kDuplicateMember) << body;
  EXPECT_EQ(error.field, field) << body;
  EXPECT_EQ(error.byte, byte) << body;
}

void expect_not_json(std::string_view body, std::size_t byte) {
  const PushError error = refused(body);
  EXPECT_EQ(error.status, 400) << body;
  EXPECT_EQ(error.code, kBadJson) << body;
  EXPECT_EQ(error.byte, byte) << body;
}

std::string with_to(std::string_view to) {
  return R"({"data":0,"to":)" + std::string(to) + "}";
}
std::string with(std::string_view members) {
  return R"({"to":{"all":true},)" + std::string(members) + "}";
}

TEST_F(ParsePush, ReadsTheExampleOfTheDocumentation) {
  const std::string_view body = R"({"to":{"user":"alice"},"data":{"n":1}})";
  const PushRequest push = accepted(body);
  EXPECT_EQ(std::get<ToUser>(push.to).user.view(), "alice");
  EXPECT_EQ(push.kind, PayloadKind::kJson);
  EXPECT_EQ(push.payload.view(), R"({"n":1})");
  EXPECT_EQ(push.payload.view().data(), push.body.data() + body.find(R"({"n")"));
  EXPECT_FALSE(push.event || push.id || push.ttl_ms || push.exclude);
}

TEST_F(ParsePush, ReadsEveryTarget) {
  EXPECT_EQ(std::get<ToTopic>(accepted(with_to(R"({"topic":"a/b"})")).to).topic.view(), "a/b");
  EXPECT_EQ(std::get<ToSession>(accepted(with_to(R"({"session":")" + std::string(kSession) + "\"}")).to).session.view(),
            kSession);
  EXPECT_TRUE(std::holds_alternative<ToAll>(accepted(with_to(R"({"all":true})")).to));
  EXPECT_EQ(std::get<ToUser>(accepted(with_to(R"({"user":"\u00fc"})")).to).user.view(), "\u00fc");
}

TEST_F(ParsePush, ReadsEveryOption) {
  const PushRequest push =
      accepted(with(R"("data":1,"event":"order","id":"a.b_c:1-2","ttl_ms":86400000,"exclude":{"user":"bob"})"));
  EXPECT_EQ(push.event->view(), "order");
  EXPECT_EQ(push.id->view(), "a.b_c:1-2");
  EXPECT_EQ(push.ttl_ms, 86'400'000);
  EXPECT_EQ(std::get<ExcludeUser>(*push.exclude).user.view(), "bob");
  const PushRequest other = accepted(with(R"("data":1,"exclude":{"session":")" + std::string(kSession) + "\"}"));
  EXPECT_EQ(std::get<ExcludeSession>(*other.exclude).session.view(), kSession);
}

TEST_F(ParsePush, NamesEachUserOnceInTheOrderOfFirstNaming) {
  const PushRequest push = accepted(with_to(R"({"users":["b","a","b","\u0061","c","\u0063"]})"));
  const auto& users = std::get<ToUsers>(push.to).users;
  ASSERT_EQ(users.size(), 3U);
  EXPECT_EQ(users[0].view(), "b");
  EXPECT_EQ(users[1].view(), "a");
  EXPECT_EQ(users[2].view(), "c");
}

TEST_F(ParsePush, NamesManyEscapedUsersOnce) {
  std::string list;
  for (int i = 0; i < 1000; ++i) {
    list += (i == 0 ? "" : ",") + ("\"\\u0061" + std::to_string(i % 100) + "\"");
  }
  const PushRequest push = accepted(with_to("{\"users\":[" + list + "]}"));
  const auto& users = std::get<ToUsers>(push.to).users;
  ASSERT_EQ(users.size(), 100U);
  EXPECT_EQ(users[99].view(), "a99");
}

TEST_F(ParsePush, TakesOneTo1000Users) {
  std::string list = "\"u\"";
  for (int i = 1; i < 1000; ++i) {
    list += ",\"u" + std::to_string(i) + "\"";
  }
  EXPECT_EQ(std::get<ToUsers>(accepted(with_to("{\"users\":[" + list + "]}")).to).users.size(), 1000U);
  expect_invalid(with_to("{\"users\":[" + list + ",\"one more\"]}"), "to.users");
  expect_invalid(with_to(R"({"users":[]})"), "to.users");
}

TEST_F(ParsePush, KeepsTheVeryBytesOfEveryPayload) {
  EXPECT_EQ(accepted(with(R"("data": [1.0, "\ud800" ] )")).payload.view(), R"([1.0, "\ud800" ])");
  EXPECT_EQ(accepted(with(R"("data":null)")).payload.view(), "null");
  const PushRequest text = accepted(with(R"("text":"a\u0041\n")"));
  EXPECT_EQ(text.kind, PayloadKind::kText);
  EXPECT_EQ(text.payload.view(), R"("a\u0041\n")");
  const PushRequest binary = accepted(with(R"("base64":"AP8=")"));
  EXPECT_EQ(binary.kind, PayloadKind::kBinary);
  EXPECT_EQ(binary.payload.view(), "AP8=");
}

TEST_F(ParsePush, EmptyStringsAreFinePayloads) {
  EXPECT_EQ(accepted(with(R"("text":"")")).payload.view(), R"("")");
  EXPECT_EQ(accepted(with(R"("base64":"")")).payload.view(), "");
}

TEST_F(ParsePush, ResolvesEscapesInBase64) {
  EXPECT_EQ(accepted(with(R"("base64":"\/\u002b8=")")).payload.view(), "/+8=");
}

TEST_F(ParsePush, KeepsItsOwnBytesWithoutTheSpaceAround) {
  EXPECT_EQ(accepted(" {\"to\":{\"all\":true}, \"data\":1 }\r\n").body, R"({"to":{"all":true}, "data":1 })");
}

TEST_F(ParsePush, RefusesWhatIsNotJsonWithTheByte) {
  expect_not_json("", 0);
  expect_not_json("hello", 0);
  expect_not_json(R"({"to":{"all":true},"data":})", 26);
  expect_not_json(R"({"to":{"all":true},"data":1} x)", 29);
  expect_not_json(R"({"to":{"all":true},"data":1)", 27);
  expect_not_json("{\"to\":{\"user\":\"\xff\"},\"data\":1}", 15);
  expect_not_json(R"([1,])", 3);
  expect_not_json("1 1", 2);
}

TEST_F(ParsePush, TellsBadJsonBeforeAnythingElse) {
  expect_not_json(R"({"wrong":1,"to":{},"to":{},"data":x})", 34);
}

TEST_F(ParsePush, RefusesAMemberThatIsThereTwice) {
  expect_twice(R"({"to":{"all":true},"data":1,"data":1})", "data", 28);
  expect_twice(R"({"to":{"all":true},"to":{"all":true},"data":1})", "to", 19);
  expect_twice(R"({"to":{"user":"a","\u0075ser":"a"},"data":1})", "to.user", 18);
  expect_twice(R"({"to":{"all":true},"data":1,"exclude":{"user":"a","user":"b"}})", "exclude.user", 50);
  expect_twice(R"({"x":1,"x":1})", "x", 7);
}

TEST_F(ParsePush, RefusesTwiceBeforeUnknown) {
  expect_twice(R"({"x":1,"to":{"all":true,"all":true}})", "to.all", 24);
}

TEST_F(ParsePush, MembersMayBeRepeatedInsideThePayload) {
  EXPECT_EQ(accepted(with(R"("data":{"a":1,"a":2})")).payload.view(), R"({"a":1,"a":2})");
}

TEST_F(ParsePush, RefusesATopThatIsNoObject) {
  for (const std::string_view body : {"[]", "null", "1", R"("x")", R"([{"to":{"all":true},"data":1}])"}) {
    expect_invalid(body, "");
  }
}

TEST_F(ParsePush, RefusesUnknownMembersByName) {
  expect_invalid(with(R"("data":1,"ttl":5)"), "ttl");
  expect_invalid(with_to(R"({"user":"a","uses":["a"]})"), "to.uses");
  expect_invalid(with(R"("data":1,"exclude":{"user":"a","topic":"t"})"), "exclude.topic");
  expect_invalid(with(R"("data":1,"\ud800":5)"), R"(\ud800)");
  expect_invalid(with(R"("data":1,"Data":5)"), "Data");
}

TEST_F(ParsePush, RefusesATargetThatIsNotExactlyOne) {
  expect_invalid(R"({"data":1})", "to");
  for (const std::string_view to : {"{}", "null", "\"alice\"", "[]", "true", R"({"user":"a","topic":"t"})",
                                    R"({"all":true,"user":"a"})", R"({"all":false,"user":"a"})"}) {
    expect_invalid(with_to(to), "to");
  }
}

TEST_F(ParsePush, RefusesWrongTargetsWithTheirField) {
  for (const std::string_view user : {"\"\"", "1", "null", R"(["a"])", R"("a\u0000")", R"("\ud800")", R"("\u009b")"}) {
    expect_invalid(with_to("{\"user\":" + std::string(user) + "}"), "to.user");
  }
  for (const std::string_view topic : {"\"\"", "1", R"("a b")", R"("a/*")", R"("\u00fc")"}) {
    expect_invalid(with_to("{\"topic\":" + std::string(topic) + "}"), "to.topic");
  }
  for (const std::string_view session : {"\"\"", "1", R"("short")", R"("AZaz09+/AZaz09-_AZaz09")"}) {
    expect_invalid(with_to("{\"session\":" + std::string(session) + "}"), "to.session");
  }
  for (const std::string_view all : {"false", "1", "\"true\"", "null", "{}"}) {
    expect_invalid(with_to("{\"all\":" + std::string(all) + "}"), "to.all");
  }
}

TEST_F(ParsePush, RefusesTheWrongOneOfManyUsers) {
  expect_invalid(with_to(R"({"users":"alice"})"), "to.users");
  expect_invalid(with_to(R"({"users":{"0":"a"}})"), "to.users");
  expect_invalid(with_to(R"({"users":["a","b","c",""]})"), "to.users[3]");
  expect_invalid(with_to(R"({"users":[1]})"), "to.users[0]");
  expect_invalid(with_to(R"({"users":["a",["b"]]})"), "to.users[1]");
}

TEST_F(ParsePush, RefusesNoOrSeveralPayloads) {
  expect_invalid(R"({"to":{"all":true}})", "data");
  expect_invalid(with(R"("data":null,"text":"")"), "data");
  expect_invalid(with(R"("text":"","base64":"")"), "data");
  expect_invalid(with(R"("data":1,"text":"","base64":"")"), "data");
}

TEST_F(ParsePush, RefusesTextThatIsNoTextOrHasLoneSurrogates) {
  for (const std::string_view text : {"1", "null", "{}", R"("\ud800")", R"("a\udc00b")", R"("\udc00\ud800")"}) {
    expect_invalid(with("\"text\":" + std::string(text)), "text");
  }
}

TEST_F(ParsePush, RefusesBase64ThatIsNotCanonical) {
  for (const std::string_view base64 :
       {"1", "null", "\"AP8\"", "\"AP9=\"", "\"AP8=\\n\"", "\"-_8=\"", "\"A\"", "\"====\""}) {
    expect_invalid(with("\"base64\":" + std::string(base64)), "base64");
  }
}

TEST_F(ParsePush, RefusesWrongOptionsWithTheirField) {
  for (const std::string_view event : {"1", "null", R"("\ud800")"}) {
    expect_invalid(with("\"data\":1,\"event\":" + std::string(event)), "event");
  }
  expect_invalid(with("\"data\":1,\"event\":\"" + std::string(129, 'e') + "\""), "event");
  for (const std::string_view id : {"1", "null", "\"\"", R"("a/b")", R"("\u00fc")"}) {
    expect_invalid(with("\"data\":1,\"id\":" + std::string(id)), "id");
  }
  expect_invalid(with("\"data\":1,\"id\":\"" + std::string(65, 'i') + "\""), "id");
  for (const std::string_view exclude :
       {"1", "null", "{}", "[]", "\"bob\"", R"({"user":"a","session":"AZaz09-_AZaz09-_AZaz09"})"}) {
    expect_invalid(with("\"data\":1,\"exclude\":" + std::string(exclude)), "exclude");
  }
  expect_invalid(with(R"("data":1,"exclude":{"user":""})"), "exclude.user");
  expect_invalid(with(R"("data":1,"exclude":{"session":"x"})"), "exclude.session");
}

TEST_F(ParsePush, TtlIsAnIntegerFromOneToOneDay) {
  EXPECT_EQ(accepted(with(R"("data":1,"ttl_ms":1)")).ttl_ms, 1);
  for (const std::string_view ttl : {"0", "-1", "86400001", "1.0", "1e3", "\"5\"", "null", "99999999999999999999"}) {
    expect_invalid(with("\"data\":1,\"ttl_ms\":" + std::string(ttl)), "ttl_ms");
  }
}

TEST_F(ParsePush, TellsTheFirstFaultInTheOrderOfTheDocumentation) {
  expect_invalid(R"({"ttl_ms":0,"id":"","event":1,"to":{"user":""}})", "to.user");
  expect_invalid(R"({"ttl_ms":0,"id":"","event":1,"to":{"user":"a"}})", "data");
  expect_invalid(R"({"ttl_ms":0,"id":"","event":1,"data":1,"to":{"user":"a"}})", "event");
  expect_invalid(R"({"exclude":1,"ttl_ms":0,"id":"","data":1,"to":{"user":"a"}})", "id");
  expect_invalid(R"({"exclude":1,"ttl_ms":0,"data":1,"to":{"user":"a"}})", "ttl_ms");
}

}  // namespace
}  // namespace pushwire::protocol
