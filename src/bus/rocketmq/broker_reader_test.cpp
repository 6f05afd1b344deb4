#include "bus/rocketmq/broker_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "bus/rocketmq/link_fixture.h"

namespace pushwire::bus::rocketmq {
namespace {

class BrokerReaderTest : public LinkFixture {
 protected:
  void SetUp() override {
    broker.queues = 1;
    ASSERT_TRUE(open());
    ASSERT_TRUE(wait_up());
  }
  // What the next pull is answered, once.
  void answer_next_pull(std::function<void(const FakeBroker::Asked&)> script) {
    broker.scripts[RequestCode::kPull] = [this, script = std::move(script)](const FakeBroker::Asked& asked) {
      const auto own = script;
      broker.scripts.erase(RequestCode::kPull);
      own(asked);
      return true;
    };
    broker.stored[0].push_back("wakes the pull that waits");
  }
};

TEST_F(BrokerReaderTest, AskForALongPullOnceTheQueueIsKnownToBeReadable) {
  ASSERT_TRUE(wait([this] { return broker.asked.back().number("sysFlag") == 6; }));
  EXPECT_EQ(broker.asked.back().number("suspendTimeoutMillis"), BrokerReader::kSuspendMs);
  EXPECT_EQ(broker.asked.back().header.field("subscription"), "push");
}

TEST_F(BrokerReaderTest, OthersMessagesWithATagOfTheSameHashAreLeftOut) {
  answer_next_pull([this](const FakeBroker::Asked& asked) {
    broker.answer_pull(asked, answer::kOk, 3, 3, FakeBroker::message("no", "pusi") + FakeBroker::message("yes"));
  });
  ASSERT_TRUE(wait([this] { return records.size() >= 2; }));
  EXPECT_EQ(records[1], "yes");
}

TEST_F(BrokerReaderTest, APositionThatIsNoLongerThereIsAGap) {
  answer_next_pull([this](const FakeBroker::Asked& asked) {
    broker.first_offset[0] = 50;
    broker.stored[0] = {"after the gap"};
    broker.answer_pull(asked, answer::kPullOffsetMoved, 50, 51);
  });
  ASSERT_TRUE(wait([this] { return records.size() == 2; }));
  EXPECT_EQ(records[1], "after the gap");
  EXPECT_EQ(gaps.size(), 1U);
}

TEST_F(BrokerReaderTest, AStoreThatGrewShorterIsReadAgainByTime) {
  answer_next_pull([this](const FakeBroker::Asked& asked) { broker.answer_pull(asked, answer::kPullNotFound, 0, 0); });
  ASSERT_TRUE(wait([this] { return broker.count(RequestCode::kOffsetAtTime) == 1; }));
  EXPECT_EQ(gaps.size(), 1U);
}

TEST_F(BrokerReaderTest, AnAnswerThatFoundNothingForUsMovesThePosition) {
  answer_next_pull([this](const FakeBroker::Asked& asked) {
    for (int i = 0; i < 9; ++i) {
      broker.stored[0].push_back("others'");
    }
    broker.answer_pull(asked, answer::kPullRetryNow, 10, 10);
  });
  ASSERT_TRUE(wait([this] { return broker.asked.back().number("queueOffset") == 10; }));
  EXPECT_EQ(records.size(), 1U);
  EXPECT_TRUE(gaps.empty());
}

TEST_F(BrokerReaderTest, ABusyBrokerIsAskedAgainAndStaysUp) {
  answer_next_pull([this](const FakeBroker::Asked& asked) { broker.answer(asked, answer::kBusy); });
  ASSERT_TRUE(wait([this] { return records.size() == 1; }));
  broker.stored[0].push_back("after");
  ASSERT_TRUE(wait([this] { return records.size() == 2; }));
  EXPECT_TRUE(is_up);
}

TEST_F(BrokerReaderTest, ABrokerThatRefusesPullsTakesTheLinkDownAfterSomeSecondsAndUpAgain) {
  for (const auto& [code, setting] : {std::pair(answer::kNoPermission, "bus.rocketmq.access_key"),
                                      std::pair(answer::kGroupMissing, "bus.rocketmq.topic")}) {
    broker.scripts[RequestCode::kPull] = [this, code = code](const FakeBroker::Asked& asked) {
      broker.answer(asked, code);
      return true;
    };
    broker.stored[0].push_back("wakes");
    ASSERT_TRUE(wait_down());
    EXPECT_NE(reason.find(setting), std::string::npos) << reason;
    broker.scripts.clear();
    ASSERT_TRUE(wait_up());
  }
}

TEST_F(BrokerReaderTest, ATopicThatTheBrokerDoesNotKnowMakesItAskForTheRoute) {
  ASSERT_TRUE(wait([this] { return broker.asked.back().number("sysFlag") == 6; }));
  const std::size_t routes = broker.count(RequestCode::kRoute);
  answer_next_pull([this](const FakeBroker::Asked& asked) { broker.answer(asked, answer::kTopicMissing); });
  ASSERT_TRUE(wait([this, routes] { return broker.count(RequestCode::kRoute) > routes; }, 3'000));
}

TEST_F(BrokerReaderTest, AMessageThatCannotBeReadIsAGapAndReadingGoesOn) {
  answer_next_pull([this](const FakeBroker::Asked& asked) {
    broker.answer_pull(asked, answer::kOk, 2, 2, FakeBroker::message("good") + "rubbish");
    broker.stored[0] = {"", "", "behind it"};
  });
  ASSERT_TRUE(wait([this] { return records.size() == 3; }));
  EXPECT_EQ(records[1], "good");
  EXPECT_EQ(records[2], "behind it");
  EXPECT_EQ(gaps.size(), 1U);
}

TEST_F(BrokerReaderTest, ATopicThatShrankIsReadNoFurtherAndOneThatGrewIsReadFromTheStartOfTheNode) {
  broker.queues = 3;
  broker.stored[2] = {"in a new queue"};
  ASSERT_TRUE(wait([this] { return records.size() == 1; }));
  EXPECT_EQ(records[0], "in a new queue");
  EXPECT_EQ(sources[0], "broker-a/2");
}

TEST_F(BrokerReaderTest, AFirstPullThatIsNeverAnsweredEndsTheConnection) {
  broker.scripts[RequestCode::kPull] = [](const FakeBroker::Asked&) { return true; };
  const std::size_t before = broker.accepted;
  broker.drop_connections();
  ASSERT_TRUE(wait([this, before] { return broker.accepted >= before + 4; }));  // three anew, and one again
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
