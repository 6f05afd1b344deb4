#include "bus/rocketmq/rocketmq_link.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bus/rocketmq/link_fixture.h"

namespace pushwire::bus::rocketmq {
namespace {

class RocketMqLinkTest : public LinkFixture {
 protected:
  // The route of a topic that both servers hold.
  void hold_both() {
    other.name = "broker-b";
    broker.scripts[RequestCode::kRoute] = [this](const FakeBroker::Asked& asked) {
      const auto data = [](const FakeBroker& one) {
        return R"({"brokerAddrs":{"0":")" + one.address() + R"("},"brokerName":")" + one.name + R"("})";
      };
      const auto numbers = [](const FakeBroker& one) {
        return R"({"brokerName":")" + one.name + R"(","perm":6,"readQueueNums":2,"writeQueueNums":2})";
      };
      const std::string more_data = is_other_in_route ? "," + data(other) : "";
      const std::string more_numbers = is_other_in_route ? "," + numbers(other) : "";
      broker.answer(asked, 0, {},
                    R"({"brokerDatas":[)" + data(broker) + more_data + R"(],"queueDatas":[)" + numbers(broker) +
                        more_numbers + "]}");
      return true;
    };
  }

  bool is_other_in_route = true;
};

TEST_F(RocketMqLinkTest, IsUpWhenEveryQueueWasPulledFromAndAMessageWasStored) {
  broker.stored[0] = {"old", "older"};
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  EXPECT_EQ(broker.count(RequestCode::kMaxOffset), 2U);
  EXPECT_GE(broker.count(RequestCode::kPull), 2U);
  EXPECT_EQ(broker.count(RequestCode::kSend), 1U);
  EXPECT_TRUE(records.empty());  // what was there before is not for this node
}

TEST_F(RocketMqLinkTest, WhatIsSentIsStoredAndComesBack) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  send(1, 0, "one");
  send(2, 1, "two");
  ASSERT_TRUE(wait([this] { return records.size() == 2 && sent.size() == 2; }));
  EXPECT_EQ(broker.stored[0], std::vector<std::string>{"one"});
  EXPECT_EQ(broker.stored[1], std::vector<std::string>{"two"});
  EXPECT_EQ(sent[0].result, SendResult::kStored);
  EXPECT_EQ(sources[0].substr(0, 9), "broker-a/");
}

TEST_F(RocketMqLinkTest, SettingsThatCannotWorkAreNamed) {
  settings.rocketmq.topic = "a.b";
  EXPECT_NE(open().error().message.find("bus.rocketmq.topic"), std::string::npos);
  settings.rocketmq.topic = std::string(128, 'x');
  EXPECT_FALSE(open());
  settings = Settings();
  settings.rocketmq.access_key = "me";
  EXPECT_NE(open().error().message.find("bus.rocketmq.secret_key"), std::string::npos);
  settings = Settings();
  settings.rocketmq.name_servers = {"host:none"};
  EXPECT_NE(open_as_set().error().message.find("bus.rocketmq.name_servers"), std::string::npos);
  settings.rocketmq.name_servers.clear();
  EXPECT_NE(open_as_set().error().message.find("bus.rocketmq.name_servers"), std::string::npos);
  settings = Settings();
  settings.rocketmq.tls = true;
  settings.rocketmq.tls_ca = "/nowhere.pem";
  EXPECT_NE(open().error().message.find("bus.rocketmq.tls_ca"), std::string::npos);
}

TEST_F(RocketMqLinkTest, AnotherNamespaceStandsBeforeTheTopic) {
  settings.name_space = "blue";
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  EXPECT_EQ(broker.asked.front().header.field("topic"), "blue-pushwire");
}

TEST_F(RocketMqLinkTest, RequestsToBrokersAreSignedAndThoseToNameServersAreNot) {
  settings.rocketmq.access_key = "key";
  settings.rocketmq.secret_key = "secret";
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  for (const FakeBroker::Asked& asked : broker.asked) {
    const bool is_route = asked.header.code == static_cast<int>(RequestCode::kRoute);
    EXPECT_EQ(asked.header.field("Signature").has_value(), !is_route) << asked.header.code;
  }
}

TEST_F(RocketMqLinkTest, ABrokerThatDiesGivesItsRecordsBackAndIsReadFromWhereItWasWhenItReturns) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  broker.scripts[RequestCode::kSend] = [](const FakeBroker::Asked&) { return true; };  // never answers
  send(7, 0, "lost?");
  ASSERT_TRUE(wait([this] { return broker.count(RequestCode::kSend) == 2; }));
  broker.die();
  ASSERT_TRUE(wait_down());
  ASSERT_EQ(sent, (std::vector<Sent>{{7, SendResult::kTryAgain}}));
  EXPECT_NE(reason.find("broker-a"), std::string::npos) << reason;
  EXPECT_NE(reason.find(broker.address()), std::string::npos) << reason;
  broker.scripts.clear();
  broker.stored[1] = {"while it was away"};
  // The name server does not know it yet.
  broker.scripts[RequestCode::kRoute] = [this](const FakeBroker::Asked& asked) {
    broker.answer(asked, answer::kTopicMissing);
    return true;
  };
  broker.restart();
  ASSERT_TRUE(wait_up());
  ASSERT_TRUE(wait([this] { return records.size() == 1; }));
  EXPECT_EQ(records[0], "while it was away");
  EXPECT_TRUE(gaps.empty());
  EXPECT_EQ(broker.count(RequestCode::kCreateTopic), 0U);
}

TEST_F(RocketMqLinkTest, GoesOnWithTheOthersWhenOneBrokerIsGone) {
  hold_both();
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  other.die();
  // Lane 2 belongs to the first queue of broker-b: it moves as soon as that is seen to be gone.
  std::uint64_t number = 1;
  ASSERT_TRUE(wait([this, &number] {
    if (sent.empty() || sent.back().result == SendResult::kTryAgain) {
      sent.clear();
      send(number++, 2, "record");
    }
    loop.turn(*this, 2);
    return !records.empty();
  }));
  EXPECT_TRUE(is_up);
  EXPECT_EQ(broker.stored[0].size() + broker.stored[1].size(), 1U);
  other.stored[0] = {"meanwhile"};
  other.restart();
  ASSERT_TRUE(wait([this] { return records.back() == "meanwhile"; }));
  EXPECT_TRUE(gaps.empty());
}

TEST_F(RocketMqLinkTest, TheLanesOfABrokerThatTakesNothingMoveToTheOthersAndItIsStillRead) {
  hold_both();
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  for (const RequestCode code : {RequestCode::kSend, RequestCode::kSendBatch}) {
    other.scripts[code] = [this](const FakeBroker::Asked& asked) {
      other.answer(asked, answer::kServiceNotAvailable);
      return true;
    };
  }
  send(1, 2, "record");  // to the first queue of broker-b
  ASSERT_TRUE(wait([this] { return !sent.empty(); }));
  EXPECT_EQ(sent, (std::vector<Sent>{{1, SendResult::kTryAgain}}));
  sent.clear();
  send(1, 2, "record");
  ASSERT_TRUE(wait([this] { return !sent.empty(); }));
  EXPECT_EQ(sent, (std::vector<Sent>{{1, SendResult::kStored}}));
  other.stored[0].push_back("another node's");
  ASSERT_TRUE(wait([this] { return records.size() == 2; }));
  EXPECT_TRUE(is_up);
}

TEST_F(RocketMqLinkTest, ABrokerThatAppearsLaterIsReadFromTheStartOfTheNodeOn) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  other.stored[0] = {"before it was known"};
  hold_both();
  ASSERT_TRUE(wait([this] { return !records.empty(); }));
  EXPECT_EQ(records[0], "before it was known");
  EXPECT_EQ(other.count(RequestCode::kOffsetAtTime), 2U);
}

TEST_F(RocketMqLinkTest, ABrokerThatTheTopicHasLeftDoesNotTakeTheLinkDownAndIsReadOnWhenItReturns) {
  for (const int code : {answer::kTopicMissing, answer::kInvalidParameter, answer::kNoPermission}) {
    records.clear();
    is_other_in_route = true;
    hold_both();
    ASSERT_TRUE(link || open());
    ASSERT_TRUE(wait_up());
    is_other_in_route = false;
    other.scripts[RequestCode::kPull] = [this, code](const FakeBroker::Asked& asked) {
      other.answer(asked, code);
      return true;
    };
    const std::size_t before = other.count(RequestCode::kPull);
    const MonotonicMs start = monotonic_ms();
    other.drop_connections();
    bool was_down = false;
    // Longer than the link waits for a broker of the route.
    ASSERT_TRUE(wait([&] {
      was_down = was_down || !is_up;
      return other.count(RequestCode::kPull) >= before + 4 && monotonic_ms() - start > 4'500;
    }));
    EXPECT_FALSE(was_down) << code << " " << reason;
    other.scripts.clear();
    other.stored[1].push_back("again");
    ASSERT_TRUE(wait([this] { return !records.empty(); })) << code;
    EXPECT_EQ(records[0], "again");
  }
}

TEST_F(RocketMqLinkTest, ABrokerThatNobodyReachesHoldsTheStartUpForSomeSecondsOnly) {
  hold_both();
  other.die();
  const MonotonicMs start = monotonic_ms();
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  EXPECT_GE(monotonic_ms() - start, 4'000);
}

TEST_F(RocketMqLinkTest, ARecordThatFindsNoRoomIsNotOvertakenByASmallerOne) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  const std::string large(link->largest_record(), 'x');
  std::uint64_t number = 0;
  while (sent.empty() && number < 100) {
    send(++number, 0, large);
  }
  ASSERT_EQ(sent, (std::vector<Sent>{{number, SendResult::kTryAgain}}));
  send(number + 1, 0, "small");
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1], (Sent{number + 1, SendResult::kTryAgain}));
  loop.turn(*this, 0);
  sent.clear();
  send(number + 2, 1, "small");  // in the next turn
  EXPECT_TRUE(sent.empty());
}

TEST_F(RocketMqLinkTest, ATopicThatMayNotBeWrittenIsSaid) {
  broker.perm = 4;
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait([this] { return reason.find("bus.rocketmq.topic") != std::string::npos; })) << reason;
}

TEST_F(RocketMqLinkTest, WhilePausedNothingIsPulledAndNothingIsLost) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  link->pause();
  broker.stored[0] = {"a"};
  ASSERT_TRUE(wait([this] { return records.size() == 1; }));  // the pull that was there already
  const std::size_t pulls = broker.count(RequestCode::kPull);
  broker.stored[0].push_back("b");
  std::size_t turns = 0;
  ASSERT_TRUE(wait([&turns] { return ++turns > 50; }));
  EXPECT_EQ(broker.count(RequestCode::kPull), pulls);
  link->resume();
  ASSERT_TRUE(wait([this] { return records.size() == 2; }));
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
