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
  EXPECT_EQ(
      received(),
      R"(200 {"user":"al\"ice","online":true,"sessions":[)"
      R"({"session":"AAAAAAAAAAAAAAAAAAAAAA","device":"pho\"ne","node":"n\"1","remote":"127.0.0.1:5",)"
      R"("connected_at":"2023-11-14T22:13:20.123Z","last_seen_at":"2023-11-14T22:13:21.000Z",)"
      R"("topics":["a","b"]},)"
      R"({"session":"AAAAAAAAAAAAAAAAAAAAAA","device":"","node":"n\"1","remote":"[::1]:6",)"
      R"("connected_at":"1970-01-01T00:00:00.000Z","last_seen_at":"1970-01-01T00:00:00.000Z","topics":[]}],"complete":true})"
      "\n");
}

TEST_F(SessionApiTest, UnknownUserIsOffline) {
  send("GET", "/v1/users/nobody");
  reply(ask_of(rig_.router.home_worker("nobody")), hub::SessionList{});
  EXPECT_EQ(received(), "200 {\"user\":\"nobody\",\"online\":false,\"sessions\":[],\"complete\":true}\n");
  EXPECT_EQ(rig_.requests(2, 200), 1U);
}

TEST_F(SessionApiTest, KicksAllOrOneAndSaysHowMany) {
  const std::uint32_t home = rig_.router.home_worker("bob");
  send("DELETE", "/v1/users/bob/sessions");
  const hub::Ask all = ask_of(home);
  EXPECT_EQ(std::get<hub::KickUser>(all.question).user, "bob");
  EXPECT_FALSE(std::get<hub::KickUser>(all.question).session);
  reply(all, hub::Count{3});
  EXPECT_EQ(received(), "200 {\"closed\":3,\"complete\":true}\n");
  send("DELETE", fmt::format("/v1/users/bob/sessions/{}", kSession));
  const hub::Ask one = ask_of(home);
  EXPECT_EQ(std::get<hub::KickUser>(one.question).session, session::SessionId{});
  reply(one, hub::Count{0});
  EXPECT_EQ(received(), "200 {\"closed\":0,\"complete\":true}\n");
}

TEST_F(SessionApiTest, TopicIsTheSumOverAllWorkers) {
  send("GET", "/v1/topics/news%2Fsport");
  for (std::uint32_t worker = 0; worker < 3; ++worker) {
    EXPECT_EQ(received(), "");
    const hub::Ask ask = ask_of(worker);
    EXPECT_EQ(std::get<hub::CountSubscribers>(ask.question).topic, "news/sport");
    reply(ask, hub::Count{worker + 1});
  }
  EXPECT_EQ(received(), "200 {\"topic\":\"news/sport\",\"subscribers\":6,\"complete\":true}\n");
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

// --- with other nodes --------------------------------------------------------------------------------------------

class SessionApiOfACluster : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kRun = 77;  // of the other node, "n2"

  SessionApiOfACluster() {
    rig_.view.cluster = &cluster_;
    settle();
    hear(hub::Announcement{.version = "0.2.0", .uptime_ms = 7'900, .connections = 5, .users = 4, .draining = true});
  }
  // This node hears itself, and some time passes: it knows who there is.
  void settle() {
    clock_ -= hub::Hearing::kSettles;
    cluster_.tick();
    cluster_.on_control(bus_.envelopes.back());
    clock_ += hub::Hearing::kSettles;
    cluster_.tick();
  }
  void hear(decltype(hub::ControlMessage::body) body) {
    bus::Envelope envelope;
    envelope.kind = bus::EnvelopeKind::kControl;
    envelope.payload = hub::encode_control({kRun, std::move(body)});
    envelope.origin = "n2";
    cluster_.on_control(envelope);
    rig_.turns();
  }
  // What was asked of the other node; its answer has to name it.
  hub::NodeQuestion asked(hub::NodeAnswer& answer) {
    const auto message = hub::decode_control(bus_.envelopes.back().payload).message.value();
    const auto question = std::get<hub::NodeQuestion>(message.body);
    answer.to_run = message.run;
    answer.number = question.number;
    return question;
  }
  void send(std::string_view method, std::string_view path) {
    rig_.send(client_, fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n\r\n", method, path));
  }
  // This node's own worker answers.
  void reply(hub::Answer answer) {
    rig_.collect(0);
    PW_CHECK(rig_.seats[0]->mail.size() == 1);
    const auto ask = std::get<hub::Ask>(std::move(rig_.seats[0]->mail[0]));
    rig_.seats[0]->mail.clear();
    rig_.router.post(ask.reply_to.worker, hub::Reply{ask.reply_to.call, std::move(answer)});
    rig_.turns();
  }
  std::string received() { return ApiRig::short_form(ApiRig::receive(client_)); }

  MonotonicMs clock_ = 50'000;
  test::ScriptedBus bus_;
  ApiRig rig_{bus_, 1};
  hub::Cluster cluster_{
      bus_,
      rig_.router,
      {.name = "n\"1", .state = [] { return hub::Announcement{}; }, .clock = [this] { return clock_; }}};
  net::Fd client_ = rig_.connect();
};

TEST_F(SessionApiOfACluster, ListsTheSessionsOfAllNodesOldestFirst) {
  send("GET", "/v1/users/alice");
  hub::SessionList own;
  own.sessions.push_back({.device = "here", .connected_at = 2'000});
  reply(std::move(own));
  EXPECT_EQ(received(), "") << "the other node has not answered";
  hub::NodeAnswer answer;
  EXPECT_EQ(std::get<hub::ListSessions>(asked(answer).question).user, "alice");
  answer.answer = hub::SessionList{{{.device = "there", .connected_at = 1'000}}};
  hear(answer);
  const std::string all = received();
  const std::size_t there = all.find(R"("device":"there","node":"n2")");
  const std::size_t here = all.find(R"("device":"here","node":"n\"1")");
  ASSERT_NE(there, std::string::npos) << all;
  ASSERT_NE(here, std::string::npos) << all;
  EXPECT_LT(there, here);
  EXPECT_TRUE(all.ends_with("],\"complete\":true}\n")) << all;
}

TEST_F(SessionApiOfACluster, AddsUpSubscribersAndClosedSessions) {
  hub::NodeAnswer answer;
  send("GET", "/v1/topics/t");
  EXPECT_EQ(std::get<hub::CountSubscribers>(asked(answer).question).topic, "t");
  answer.answer = hub::Count{4};
  hear(answer);
  reply(hub::Count{1});
  EXPECT_EQ(received(), "200 {\"topic\":\"t\",\"subscribers\":5,\"complete\":true}\n");
  send("DELETE", fmt::format("/v1/users/bob/sessions/{}", kSession));
  EXPECT_EQ(std::get<hub::KickUser>(asked(answer).question).session, session::SessionId{});
  answer.answer = hub::Count{1};
  hear(answer);
  reply(hub::Count{0});
  EXPECT_EQ(received(), "200 {\"closed\":1,\"complete\":true}\n");
}

TEST_F(SessionApiOfACluster, NamesTheNodesThatAreMissing) {
  send("GET", "/v1/topics/t");
  reply(hub::Count{1});
  clock_ += hub::Cluster::kPatience;
  cluster_.tick();
  rig_.turns();
  EXPECT_EQ(received(), "200 {\"topic\":\"t\",\"subscribers\":1,\"complete\":false,\"missing\":[\"n2\"]}\n");
  bus_.state.up = false;
  send("DELETE", "/v1/users/bob/sessions");
  reply(hub::Count{2});
  EXPECT_EQ(received(), "200 {\"closed\":2,\"complete\":false,\"missing\":[\"n2\"]}\n") << "at once: the bus is away";
}

TEST_F(SessionApiOfACluster, NodesAreListedWithWhatTheySaidAndWhen) {
  clock_ += 1'200;
  EXPECT_EQ(rig_.ask(ApiRig::get("/v1/nodes")),
            R"(200 {"nodes":[)"
            R"({"name":"n\"1","version":"0.1.0","connections":0,"users":0,"uptime_s":5,"self":true,)"
            R"("draining":false,"age_ms":0},)"
            R"({"name":"n2","version":"0.2.0","connections":5,"users":4,"uptime_s":9,"self":false,)"
            R"("draining":true,"age_ms":1200}]})"
            "\n");
  EXPECT_NE(rig_.raw(ApiRig::get("/metrics")).find("\npushwire_cluster_nodes 2\n"), std::string::npos);
}

}  // namespace
}  // namespace pushwire::api
