#include "api/session_api.h"

#include <gtest/gtest.h>

#include "api/api_test_support.h"

namespace pushwire::api {
namespace {

using test::ApiRig;

constexpr std::string_view kSession = "AAAAAAAAAAAAAAAAAAAAAA";

class SessionApiTest : public ::testing::Test {
 protected:
  // The one question that was put to this worker.
  hub::Ask ask_of(std::uint32_t worker) {
    rig_.collect(worker);
    auto& mail = rig_.seats[worker]->mail;
    PW_CHECK(mail.size() == 1);
    hub::Ask ask = std::get<hub::Ask>(std::move(mail[0]));
    mail.clear();
    return ask;
  }
  std::size_t questions() {
    std::size_t sum = 0;
    for (std::uint32_t worker = 0; worker < 3; ++worker) {
      rig_.collect(worker);
      sum += rig_.seats[worker]->mail.size();
    }
    return sum;
  }
  void reply(const hub::Ask& ask, hub::Answer answer) {
    rig_.router.post(ask.reply_to.worker, hub::Reply{ask.reply_to.call, std::move(answer)});
    rig_.turns();
  }
  std::string received() { return ApiRig::short_form(ApiRig::receive(client_)); }
  void send(std::string_view method, std::string_view path) {
    rig_.send(client_, fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n\r\n", method, path));
  }

  bus::EmbeddedBus bus_;
  ApiRig rig_{bus_, 3};
  net::Fd client_ = rig_.connect();
};

TEST_F(SessionApiTest, ListsTheSessionsThatTheHomeWorkerKnows) {
  send("GET", "/v1/users/al%22ice");
  EXPECT_EQ(received(), "");
  const std::uint32_t home = rig_.router.home_worker("al\"ice");
  const hub::Ask ask = ask_of(home);
  EXPECT_EQ(questions(), 0U);
  EXPECT_EQ(std::get<hub::ListSessions>(ask.question).user, "al\"ice");
  hub::SessionList list;
  list.sessions.push_back({{}, "pho\"ne", "127.0.0.1:5", 1'700'000'000'123, 1'700'000'001'000, {"a", "b"}});
  list.sessions.push_back({{}, "", "[::1]:6", 0, 0, {}});
  reply(ask, std::move(list));
  EXPECT_EQ(received(),
            R"(200 {"user":"al\"ice","online":true,"sessions":[)"
            R"({"session":"AAAAAAAAAAAAAAAAAAAAAA","device":"pho\"ne","node":"n\"1","remote":"127.0.0.1:5",)"
            R"("connected_at":"2023-11-14T22:13:20.123Z","last_seen_at":"2023-11-14T22:13:21.000Z",)"
            R"("topics":["a","b"]},)"
            R"({"session":"AAAAAAAAAAAAAAAAAAAAAA","device":"","node":"n\"1","remote":"[::1]:6",)"
            R"("connected_at":"1970-01-01T00:00:00.000Z","last_seen_at":"1970-01-01T00:00:00.000Z","topics":[]}]})"
            "\n");
}

TEST_F(SessionApiTest, UnknownUserIsOffline) {
  send("GET", "/v1/users/nobody");
  reply(ask_of(rig_.router.home_worker("nobody")), hub::SessionList{});
  EXPECT_EQ(received(), "200 {\"user\":\"nobody\",\"online\":false,\"sessions\":[]}\n");
  EXPECT_EQ(rig_.requests(2, 200), 1U);
}

TEST_F(SessionApiTest, KicksAllOrOneAndSaysHowMany) {
  const std::uint32_t home = rig_.router.home_worker("bob");
  send("DELETE", "/v1/users/bob/sessions");
  const hub::Ask all = ask_of(home);
  EXPECT_EQ(std::get<hub::KickUser>(all.question).user, "bob");
  EXPECT_FALSE(std::get<hub::KickUser>(all.question).session);
  reply(all, hub::Count{3});
  EXPECT_EQ(received(), "200 {\"closed\":3}\n");
  send("DELETE", fmt::format("/v1/users/bob/sessions/{}", kSession));
  const hub::Ask one = ask_of(home);
  EXPECT_EQ(std::get<hub::KickUser>(one.question).session, session::SessionId{});
  reply(one, hub::Count{0});
  EXPECT_EQ(received(), "200 {\"closed\":0}\n");
}

TEST_F(SessionApiTest, TopicIsTheSumOverAllWorkers) {
  send("GET", "/v1/topics/news%2Fsport");
  for (std::uint32_t worker = 0; worker < 3; ++worker) {
    EXPECT_EQ(received(), "");
    const hub::Ask ask = ask_of(worker);
    EXPECT_EQ(std::get<hub::CountSubscribers>(ask.question).topic, "news/sport");
    reply(ask, hub::Count{worker + 1});
  }
  EXPECT_EQ(received(), "200 {\"topic\":\"news/sport\",\"subscribers\":6}\n");
}

TEST_F(SessionApiTest, NamesThatCannotBeAreRefusedWithTheirField) {
  const auto refused = [&](std::string_view method, std::string_view path, std::string_view field) {
    const std::string answer = rig_.ask(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n\r\n", method, path));
    EXPECT_TRUE(answer.starts_with("422 {\"error\":{\"code\":\"invalid\",")) << answer;
    EXPECT_NE(answer.find(fmt::format("\"field\":\"{}\"", field)), std::string::npos) << answer;
  };
  refused("GET", "/v1/users/a%07b", "id");
  refused("GET", fmt::format("/v1/users/{}", std::string(129, 'u')), "id");
  refused("DELETE", "/v1/users/a%7Fb/sessions", "id");
  refused("DELETE", "/v1/users/bob/sessions/short", "session");
  refused("GET", "/v1/topics/a%20b", "topic");
  EXPECT_EQ(questions(), 0U);
}

TEST_F(SessionApiTest, ReplyForACallerWhoHasGoneIsNotGivenToTheNext) {
  send("GET", "/v1/users/bob");
  client_.reset();
  rig_.turns();
  client_ = rig_.connect();
  const hub::Ask late = ask_of(rig_.router.home_worker("bob"));
  reply(late, hub::SessionList{});
  EXPECT_EQ(received(), "");
  reply(late, hub::SessionList{});  // a call that is over is no call
  EXPECT_EQ(received(), "");
}

}  // namespace
}  // namespace pushwire::api
