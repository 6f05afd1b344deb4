#include "bus/rocketmq/broker_reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

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

TEST_F(BrokerReaderTest, AStoreThatIsNewAndShorterIsReadFromItsBeginning) {
  broker.stored[0].assign(20, "old");
  ASSERT_TRUE(wait([this] { return records.size() == 20; }));
  records.clear();
  broker.stored[0] = {"n0", "n1", "n2"};  // a pull at 20 is told to go on at 3
  ASSERT_TRUE(wait([this] { return records.size() == 3; }));
  EXPECT_EQ(records[0], "n0");
  EXPECT_FALSE(gaps.empty());
}

TEST_F(BrokerReaderTest, AStoreThatIsNewAndLongerIsReadFromItsBeginningIfTheTopicWasAway) {
  broker.stored[0].assign(20, "old");
  ASSERT_TRUE(wait([this] { return records.size() == 20; }));
  bool is_away = false;
  answer_next_pull([this, &is_away](const FakeBroker::Asked& asked) {
    broker.answer(asked, answer::kTopicMissing);
    is_away = true;
  });
  ASSERT_TRUE(wait([&is_away] { return is_away; }));
  records.clear();
  broker.stored[0].assign(30, "new");
  ASSERT_TRUE(wait([this] { return records.size() == 30; })) << records.size();
  EXPECT_EQ(gaps.size(), 1U);
}

TEST_F(BrokerReaderTest, ATopicThatWasAwayForAMomentIsReadOnWithoutAGap) {
  bool is_away = false;
  broker.scripts[RequestCode::kOffsetAtTime] = [this](const FakeBroker::Asked& asked) {
    broker.answer(asked, 0, {{"offset", "1"}});
    return true;
  };
  answer_next_pull([this, &is_away](const FakeBroker::Asked& asked) {
    broker.answer(asked, answer::kTopicMissing);
    is_away = true;
  });
  ASSERT_TRUE(wait([&is_away] { return is_away; }));
  broker.stored[0].push_back("after");
  ASSERT_TRUE(wait([this] { return records.size() == 2; }));
  EXPECT_EQ(records[1], "after");
  EXPECT_TRUE(gaps.empty());
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

TEST_F(BrokerReaderTest, AQueueThatRestsForLongDoesNotMakeAnotherRestAsLong) {
  broker.queues = 2;
  ASSERT_TRUE(wait(
      [this] { return broker.asked.back().number("queueId") == 1 && broker.asked.back().number("sysFlag") == 6; }));
  MonotonicMs busy_at = 0;
  MonotonicMs asked_at = 0;
  bool is_failing = false;
  broker.scripts[RequestCode::kPull] = [&](const FakeBroker::Asked& asked) {
    if (asked.number("queueId") == 0) {
      is_failing = true;
      broker.answer(asked, 1);
      return true;
    }
    if (busy_at == 0) {
      busy_at = monotonic_ms();
      broker.answer(asked, answer::kBusy);
      return true;
    }
    asked_at = asked_at == 0 ? monotonic_ms() : asked_at;
    return false;
  };
  broker.stored[0].push_back("wakes");
  ASSERT_TRUE(wait([&] { return is_failing; }));
  broker.stored[1].push_back("wakes");
  ASSERT_TRUE(wait([&] { return asked_at != 0; }));
  EXPECT_LT(asked_at - busy_at, 1'500);
}

TEST(SettingForLoss, IsTheOneThatAnOperatorHasToLookAt) {
  EXPECT_EQ(setting_for_loss("the certificate of b:1 is for c"), "bus.rocketmq.tls_ca");
  EXPECT_EQ(setting_for_loss("b:1: the certificate of b:1 has expired"), "bus.rocketmq.tls_ca");
  EXPECT_EQ(setting_for_loss("b:1 does not speak TLS on this port"), "bus.rocketmq.tls");
  EXPECT_EQ(setting_for_loss("b:1 demands a client certificate, and this node has none to show"), "bus.rocketmq.tls");
  EXPECT_EQ(setting_for_loss("b:1 closed the connection before it answered"),
            "bus.rocketmq.name_servers (or bus.rocketmq.tls, if it wants TLS)");
  EXPECT_EQ(setting_for_loss("cannot connect to b:1: Connection refused"), "bus.rocketmq.name_servers");
}

class ReplayAgeTest : public LinkFixture {
 protected:
  static constexpr MonotonicMs kAge = 100;
  static constexpr WallMs kClock = 5'000;  // by so much clocks may differ

  void SetUp() override {
    settings.max_replay_age = std::chrono::milliseconds(kAge);
    broker.queues = 1;
    ASSERT_TRUE(open());
    ASSERT_TRUE(wait_up());
  }
  void be_away_for_longer() {
    broker.stored[0].assign(20, "old");
    ASSERT_TRUE(wait([this] { return records.size() == 20; }));
    records.clear();
    broker.die();
    ASSERT_TRUE(wait_down());
    const MonotonicMs end = monotonic_ms() + 2 * kAge;
    ASSERT_TRUE(wait([end] { return monotonic_ms() > end; }));
  }
  void find_by_time(int offset) {
    broker.scripts[RequestCode::kOffsetAtTime] = [this, offset](const FakeBroker::Asked& asked) {
      looked_from = asked.number("timestamp");
      broker.answer(asked, 0, {{"offset", std::to_string(offset)}});
      return true;
    };
  }

  WallMs looked_from = 0;
};

TEST_F(ReplayAgeTest, WhatIsOlderWhenABrokerIsBackIsLeftOutAndIsAGap) {
  be_away_for_longer();
  for (int number = 20; number < 30; ++number) {
    broker.stored[0].push_back(std::to_string(number));
  }
  find_by_time(25);
  const WallMs back = wall_ms();
  broker.restart();
  ASSERT_TRUE(wait([this] { return records.size() == 5; })) << records.size();
  EXPECT_EQ(records[0], "25");
  EXPECT_EQ(gaps.size(), 1U);
  EXPECT_GE(looked_from, back - kAge - kClock);
}

TEST_F(ReplayAgeTest, WhatIsYoungerWhenABrokerIsBackIsReadFromTheOwnPosition) {
  be_away_for_longer();
  broker.stored[0].push_back("young");
  find_by_time(10);
  broker.restart();
  ASSERT_TRUE(wait([this] { return !records.empty(); }));
  EXPECT_EQ(records[0], "young");
  EXPECT_TRUE(gaps.empty());
}

TEST_F(ReplayAgeTest, ABrokerThatIsBackWithANewStoreIsReadFromItsBeginning) {
  be_away_for_longer();
  broker.stored[0] = {"n0", "n1", "n2"};
  broker.restart();
  ASSERT_TRUE(wait([this] { return records.size() == 3; })) << records.size();
  EXPECT_EQ(records[0], "n0");
  EXPECT_FALSE(gaps.empty());
}

TEST_F(ReplayAgeTest, AQueueThatIsFirstReachedLongAfterTheStartIsNotReadFromTheStartOn) {
  const WallMs started = wall_ms();  // or a little before
  ASSERT_TRUE(wait([started] { return wall_ms() - started > kClock + 2 * kAge; }));
  broker.first_offset[1] = 7;
  broker.stored[1] = {"young"};
  // Four that were stored since the start are too old.
  broker.scripts[RequestCode::kOffsetAtTime] = [this, started](const FakeBroker::Asked& asked) {
    looked_from = asked.number("timestamp");
    broker.answer(asked, 0, {{"offset", looked_from <= started ? "3" : "7"}});
    return true;
  };
  broker.queues = 2;
  ASSERT_TRUE(wait([this] { return !records.empty(); }));
  EXPECT_GT(looked_from, started);
  EXPECT_EQ(gaps.size(), 1U);
}

TEST_F(ReplayAgeTest, AQueueThatIsFirstReachedLongAfterTheStartIsNoGapIfNothingWasStoredSince) {
  const WallMs started = wall_ms();
  ASSERT_TRUE(wait([started] { return wall_ms() - started > kClock + 2 * kAge; }));
  broker.first_offset[1] = 7;
  broker.stored[1] = {"young"};
  find_by_time(7);
  broker.queues = 2;
  ASSERT_TRUE(wait([this] { return !records.empty(); }));
  EXPECT_GT(looked_from, started);
  EXPECT_TRUE(gaps.empty());
}

TEST_F(ReplayAgeTest, ATopicThatWasAwayForLongerIsReadOnWithoutAGapIfNothingWasStoredMeanwhile) {
  broker.stored[0].assign(20, "old");
  ASSERT_TRUE(wait([this] { return records.size() == 20; }));
  find_by_time(21);
  bool was_away = false;
  broker.scripts[RequestCode::kPull] = [&](const FakeBroker::Asked& asked) {
    if (std::exchange(was_away, true)) {
      return false;
    }
    broker.answer(asked, answer::kTopicMissing);  // it is asked again after a second, which is longer than kAge
    return true;
  };
  broker.stored[0].push_back("wakes the pull that waits");
  ASSERT_TRUE(wait([&] { return was_away; }));
  ASSERT_EQ(records.size(), 21U);
  records.clear();
  broker.stored[0].push_back("after");
  ASSERT_TRUE(wait([this] { return !records.empty(); }));
  EXPECT_GT(looked_from, 0);
  EXPECT_TRUE(gaps.empty());
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
