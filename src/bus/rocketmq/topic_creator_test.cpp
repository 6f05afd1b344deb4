#include "bus/rocketmq/topic_creator.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "bus/rocketmq/link_fixture.h"

namespace pushwire::bus::rocketmq {
namespace {

// A server whose queue of connections is full: one more is neither taken nor refused.
class FullListener {
 public:
  FullListener() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), raw, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 0), 0);
    EXPECT_EQ(::getsockname(listener_.get(), raw, &size), 0);
    for (net::Fd& client : clients_) {
      client = net::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)::connect(client.get(), raw, size);
    }
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  const std::string& address() const noexcept { return address_; }

 private:
  net::Fd listener_;
  std::array<net::Fd, 4> clients_;
  std::string address_;
};

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
  ASSERT_TRUE(wait([this] { return reason.find("broker-a holds") != std::string::npos; })) << reason;
  EXPECT_NE(reason.find("bus.rocketmq.name_servers"), std::string::npos) << reason;
}

TEST_F(TopicCreatorTest, ABrokerThatRefusesToSayWhetherItHasTheTopicIsSaid) {
  have_no_topic(true);
  for (const int code : {1, answer::kBusy, answer::kServiceNotAvailable}) {
    broker.scripts[RequestCode::kPull] = [this, code](const FakeBroker::Asked& asked) {
      broker.answer(asked, code);
      return true;
    };
    const std::string text = "code " + std::to_string(code) + " ";
    ASSERT_TRUE(link || open());
    ASSERT_TRUE(wait([this, &text] { return reason.find(text) != std::string::npos; })) << reason;
  }
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

TEST_F(TopicCreatorTest, TheNextBrokerIsAskedWhenOneIsAwayHoweverSlowItIsToOpen) {
  other.die();
  const FullListener silent;
  broker.scripts[RequestCode::kRoute] = [this, &silent](const FakeBroker::Asked& asked) {
    if (asked.header.field("topic") != "TBW102") {
      broker.answer(asked, answer::kTopicMissing);
      return true;
    }
    const auto data = [](std::string_view name, const std::string& address) {
      return R"({"brokerAddrs":{"0":")" + address + R"("},"brokerName":")" + std::string(name) + R"("})";
    };
    broker.answer(asked, 0, {},
                  R"({"brokerDatas":[)" + data("a", other.address()) + "," + data("b", silent.address()) +
                      R"(],"queueDatas":[{"brokerName":"a","perm":6,"readQueueNums":2,"writeQueueNums":2},)"
                      R"({"brokerName":"b","perm":6,"readQueueNums":2,"writeQueueNums":2}]})");
    return true;
  };
  ASSERT_TRUE(open());
  ASSERT_TRUE(wait([this, &silent] { return reason.find(silent.address()) != std::string::npos; })) << reason;
  EXPECT_NE(reason.find("in time"), std::string::npos) << reason;
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
