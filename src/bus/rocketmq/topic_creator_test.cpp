#include "bus/rocketmq/topic_creator.h"

#include <gtest/gtest.h>

#include "bus/rocketmq/link_fixture.h"

namespace pushwire::bus::rocketmq {
namespace {

class TopicCreatorTest : public LinkFixture {
 protected:
  // The topic is there once it was created; brokers that create topics are known from the start, if `has_makers`.
  void have_no_topic(bool has_makers) {
    broker.scripts[RequestCode::kRoute] = [this, has_makers](const FakeBroker::Asked& asked) {
      if (is_there || (has_makers && asked.header.field("topic") == "TBW102")) {
        return false;
      }
      broker.answer(asked, answer::kTopicMissing);
      return true;
    };
    broker.scripts[RequestCode::kPull] = [this](const FakeBroker::Asked& asked) {
      if (!is_there) {
        broker.answer(asked, answer::kTopicMissing);
      }
      return !is_there;
    };
    broker.scripts[RequestCode::kCreateTopic] = [this](const FakeBroker::Asked& asked) {
      is_there = refusal_code == 0;
      broker.answer(asked, refusal_code);
      return true;
    };
  }

  bool is_there = false;
  int refusal_code = 0;
};

TEST_F(TopicCreatorTest, AMissingTopicIsCreatedWithEightQueues) {
  have_no_topic(true);
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait_up());
  ASSERT_EQ(broker.count(RequestCode::kCreateTopic), 1U);
  for (const FakeBroker::Asked& asked : broker.asked) {
    if (asked.header.code == static_cast<int>(RequestCode::kCreateTopic)) {
      EXPECT_EQ(asked.number("readQueueNums"), TopicCreator::kQueues);
      EXPECT_EQ(asked.number("writeQueueNums"), TopicCreator::kQueues);
      EXPECT_EQ(asked.header.field("topic"), "pushwire");
    }
  }
}

TEST_F(TopicCreatorTest, ATopicThatTheBrokerHasIsNeverCreatedWhateverTheRouteSays) {
  have_no_topic(true);
  broker.scripts.erase(RequestCode::kPull);
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait([this] { return broker.count(RequestCode::kPull) >= 2; }));
  EXPECT_EQ(broker.count(RequestCode::kCreateTopic), 0U);
}

TEST_F(TopicCreatorTest, ThatNobodyCreatesItIsSaid) {
  have_no_topic(false);
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait([this] { return reason.find("bus.rocketmq.topic") != std::string::npos; })) << reason;
  is_there = true;
  ASSERT_TRUE(wait_up());
}

TEST_F(TopicCreatorTest, ThatItMayNotBeCreatedIsSaid) {
  have_no_topic(true);
  refusal_code = answer::kNoPermission;
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait([this] { return reason.find("bus.rocketmq.topic") != std::string::npos; })) << reason;
  EXPECT_NE(reason.find("16"), std::string::npos);
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
