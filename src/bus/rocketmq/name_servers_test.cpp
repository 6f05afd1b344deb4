#include "bus/rocketmq/name_servers.h"

#include <gtest/gtest.h>

#include "bus/rocketmq/link_fixture.h"

namespace pushwire::bus::rocketmq {
namespace {

class NameServersTest : public LinkFixture, protected NameServerEvents {
 protected:
  void on_route(const Route&) override { ++told; }
  void on_topic_missing(const Route&) override {}
  void on_no_name_server(std::string_view) override {}

  static FakeBroker::Script says(FakeBroker& server, int code) {
    return [&server, code](const FakeBroker::Asked& asked) {
      server.answer(asked, code);
      return true;
    };
  }

  Access access{loop, {}, nullptr};
  std::size_t told = 0;
};

TEST_F(NameServersTest, TheNextOneIsAskedWhenOneIsAway) {
  other.die();
  settings.rocketmq.name_servers = {other.address(), broker.address()};
  ASSERT_TRUE(open_as_set());
  ASSERT_TRUE(wait_up());
}

TEST_F(NameServersTest, TheNextOneIsAskedWhenOneDoesNotKnowTheTopic) {
  other.scripts[RequestCode::kRoute] = says(other, answer::kTopicMissing);
  settings.rocketmq.name_servers = {other.address(), broker.address()};
  ASSERT_TRUE(open_as_set());
  ASSERT_TRUE(wait_up());
  EXPECT_EQ(broker.count(RequestCode::kCreateTopic), 0U);
}

TEST_F(NameServersTest, TheNextOneIsAskedWhenOneGivesNoRoute) {
  other.scripts[RequestCode::kRoute] = [this](const FakeBroker::Asked& asked) {
    other.answer(asked, 0, {}, "{0:");
    return true;
  };
  settings.rocketmq.name_servers = {other.address(), broker.address()};
  ASSERT_TRUE(open_as_set());
  ASSERT_TRUE(wait_up());
}

TEST_F(NameServersTest, ThatNoneAnswersIsSaid) {
  broker.die();
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait([this] { return reason.find(broker.address()) != std::string::npos; }));
  EXPECT_NE(reason.find("bus.rocketmq.name_servers"), std::string::npos) << reason;
  broker.restart();
  ASSERT_TRUE(wait_up());
}

TEST_F(NameServersTest, DoubtsThatComeAgainAndAgainDoNotPutTheQuestionOff) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  NameServerEvents& nobody = *this;
  NameServers servers(access, nobody, {{"127.0.0.1", broker.port()}}, "pushwire");
  servers.open();
  const auto turn_until = [&](std::size_t routes) {
    return wait(
        [&] {
          servers.flush();
          servers.refresh();  // each turn
          return told >= routes;
        },
        10'000);
  };
  ASSERT_TRUE(turn_until(1));
  ASSERT_TRUE(turn_until(3));
  servers.close();
}

TEST_F(NameServersTest, ARouteStaysGoodWhileTheyAreAway) {
  other.scripts[RequestCode::kRoute] = [this](const FakeBroker::Asked& asked) {
    other.answer(asked, 0, {},
                 R"({"brokerDatas":[{"brokerAddrs":{"0":")" + broker.address() +
                     R"("},"brokerName":"broker-a"}],"queueDatas":[)"
                     R"({"brokerName":"broker-a","perm":6,"readQueueNums":1,"writeQueueNums":1}]})");
    return true;
  };
  settings.rocketmq.name_servers = {other.address()};
  ASSERT_TRUE(open_as_set());
  ASSERT_TRUE(wait_up());
  other.die();
  broker.drop_connections();
  ASSERT_TRUE(wait_down());
  ASSERT_TRUE(wait_up());
  send(1, 0, "record");
  ASSERT_TRUE(wait([this] { return records.size() == 1; }));
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
