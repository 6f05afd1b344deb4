#include "bus/rocketmq/broker_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "bus/rocketmq/link_fixture.h"

namespace pushwire::bus::rocketmq {
namespace {

class BrokerWriterTest : public LinkFixture {
 protected:
  void SetUp() override {
    broker.queues = 1;
    ASSERT_TRUE(open());
    ASSERT_TRUE(wait_up());
  }
  void answer_sends(int code) {
    for (const RequestCode kind : {RequestCode::kSend, RequestCode::kSendBatch}) {
      broker.scripts[kind] = [this, code](const FakeBroker::Asked& asked) {
        broker.answer(asked, code);
        return true;
      };
    }
  }
};

TEST_F(BrokerWriterTest, WhatComesWhileASendIsOnItsWayGoesTogetherAfterIt) {
  std::vector<FakeBroker::Asked> held;
  broker.scripts[RequestCode::kSend] = [&held](const FakeBroker::Asked& asked) {
    held.push_back(asked);
    return true;
  };
  send(1, 0, "a");
  ASSERT_TRUE(wait([&held] { return held.size() == 1; }));
  for (std::uint64_t number = 2; number <= 4; ++number) {
    send(number, 0, std::to_string(number));
  }
  std::size_t turns = 0;
  ASSERT_TRUE(wait([&turns] { return ++turns > 20; }));
  EXPECT_EQ(broker.count(RequestCode::kSendBatch), 0U);
  broker.answer(held[0], 0);
  ASSERT_TRUE(wait([this] { return sent.size() == 4; }));
  EXPECT_EQ(broker.count(RequestCode::kSendBatch), 1U);
  EXPECT_EQ(broker.stored[0], (std::vector<std::string>{"2", "3", "4"}));
  EXPECT_EQ(sent[3], (Sent{4, SendResult::kStored}));
}

TEST_F(BrokerWriterTest, StoredButNotYetEverywhereIsStored) {
  for (const int code : {answer::kFlushDiskTimeout, answer::kSlaveNotAvailable, answer::kFlushSlaveTimeout}) {
    sent.clear();
    answer_sends(code);
    send(1, 0, "a");
    ASSERT_TRUE(wait([this] { return sent.size() == 1; }));
    EXPECT_EQ(sent[0].result, SendResult::kStored) << code;
  }
}

TEST_F(BrokerWriterTest, ABusyBrokerGetsThemAgainInOrderAndStaysUp) {
  answer_sends(answer::kBusy);
  send(1, 0, "a");
  loop.turn(*this, 0);
  send(2, 0, "b");
  ASSERT_TRUE(wait([this] { return sent.size() == 2; }));
  EXPECT_EQ(sent, (std::vector<Sent>{{1, SendResult::kTryAgain}, {2, SendResult::kTryAgain}}));
  EXPECT_TRUE(is_up);
}

TEST_F(BrokerWriterTest, ABrokerThatTakesNothingIsSaidAndTriedAgain) {
  for (const auto& [code, setting] :
       {std::pair(answer::kNoPermission, "bus.rocketmq.access_key"),
        std::pair(answer::kServiceNotAvailable, "broker broker-a"), std::pair(1, "broker broker-a"),
        std::pair(answer::kTopicMissing, "bus.rocketmq.topic")}) {
    sent.clear();
    answer_sends(code);
    send(1, 0, "a");
    ASSERT_TRUE(wait_down());
    EXPECT_EQ(sent, (std::vector<Sent>{{1, SendResult::kTryAgain}}));
    EXPECT_NE(reason.find(setting), std::string::npos) << reason;
    broker.scripts.clear();
    ASSERT_TRUE(wait_up());
  }
}

TEST_F(BrokerWriterTest, ARecordThatIsTooLargeForTheBrokerIsSaidToBe) {
  answer_sends(answer::kMessageIllegal);
  send(1, 0, "a");
  ASSERT_TRUE(wait([this] { return sent.size() == 1; }));
  EXPECT_EQ(sent[0], (Sent{1, SendResult::kTooLarge}));
  EXPECT_TRUE(is_up);
}

TEST_F(BrokerWriterTest, ABatchThatIsTooLargeIsTriedAgainSmaller) {
  answer_sends(answer::kMessageIllegal);
  send(1, 0, "a");
  send(2, 0, "b");
  ASSERT_TRUE(wait([this] { return sent.size() == 2; }));
  EXPECT_EQ(sent[0], (Sent{1, SendResult::kTryAgain}));
  EXPECT_EQ(sent[1], (Sent{2, SendResult::kTryAgain}));
  broker.scripts.clear();
  sent.clear();
  const std::size_t batches = broker.count(RequestCode::kSendBatch);
  send(1, 0, "a");
  send(2, 0, "b");
  ASSERT_TRUE(wait([this] { return sent.size() == 2; }));
  EXPECT_EQ(sent[1], (Sent{2, SendResult::kStored}));
  EXPECT_EQ(broker.count(RequestCode::kSendBatch), batches);
}

TEST_F(BrokerWriterTest, WhileADiskIsFullReadingGoesOn) {
  answer_sends(answer::kServiceNotAvailable);
  send(1, 0, "a");
  ASSERT_TRUE(wait_down());
  EXPECT_EQ(reason.find("bus."), std::string::npos) << reason;  // no setting of ours helps
  broker.stored[0].push_back("another node's");
  ASSERT_TRUE(wait([this] { return records.size() == 1; }));
  EXPECT_FALSE(is_up);
}

TEST_F(BrokerWriterTest, ASendThatIsNotAnsweredInTimeIsGivenBack) {
  broker.scripts[RequestCode::kSend] = [](const FakeBroker::Asked&) { return true; };
  send(1, 0, "a");
  ASSERT_TRUE(wait_down());
  EXPECT_EQ(sent, (std::vector<Sent>{{1, SendResult::kTryAgain}}));
  EXPECT_NE(reason.find("in time"), std::string::npos) << reason;
}

TEST_F(BrokerWriterTest, AFrozenBrokerIsNoticedThoughNothingIsSent) {
  broker.scripts[RequestCode::kMaxOffset] = [](const FakeBroker::Asked&) { return true; };
  broker.scripts[RequestCode::kSend] = broker.scripts[RequestCode::kMaxOffset];
  ASSERT_TRUE(wait_down());
}

TEST_F(BrokerWriterTest, AnAnswerThatComesTooLateConfirmsNothing) {
  std::vector<FakeBroker::Asked> held;
  broker.queues = 2;
  ASSERT_TRUE(wait([this] { return broker.count(RequestCode::kOffsetAtTime) == 1; }));
  broker.scripts[RequestCode::kSend] = [this, &held](const FakeBroker::Asked& asked) {
    if (asked.number("e") == 1 && asked.body == "refused") {
      broker.answer(asked, 1);  // everything is given back, also what is held for queue 0
    } else if (asked.body != "pushwire") {
      held.push_back(asked);
    } else {
      broker.answer(asked, 0);
    }
    return true;
  };
  send(1, 0, "a");
  ASSERT_TRUE(wait([&held] { return held.size() == 1; }));
  send(2, 1, "refused");
  ASSERT_TRUE(wait_down());
  ASSERT_TRUE(wait_up());
  sent.clear();
  send(3, 0, "b");
  ASSERT_TRUE(wait([&held] { return held.size() == 2; }));
  broker.answer(held[0], 0);
  std::size_t turns = 0;
  ASSERT_TRUE(wait([&turns] { return ++turns > 20; }));
  EXPECT_TRUE(sent.empty());
  broker.answer(held[1], 0);
  ASSERT_TRUE(wait([this] { return sent.size() == 1; }));
  EXPECT_EQ(sent[0], (Sent{3, SendResult::kStored}));
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
