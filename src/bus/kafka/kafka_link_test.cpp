#include "bus/kafka/kafka_link.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "bus/kafka/kafka_test_support.h"

namespace pushwire::bus {
namespace {

constexpr std::int16_t kProduceRequest = 0;  // Kafka's protocol guide: ApiKeys

class KafkaLinkTest : public testing::Test, public LinkEvents, public net::TurnHandler {
 protected:
  void open() {
    link_ = make_kafka_link(loop_, *this, kafka_.settings());
    const Result<> opened = link_->open();
    ASSERT_TRUE(opened) << opened.error().message;
    ASSERT_TRUE(until([this] { return ups_ == 1; }));
  }
  bool until(const std::function<bool()>& holds) {
    for (const MonotonicMs end = monotonic_ms() + 20'000; !holds();) {
      if (monotonic_ms() > end) {
        return false;
      }
      loop_.turn(*this, 20);
    }
    return true;
  }
  void send(std::uint64_t number, std::uint64_t lane) {
    const std::string bytes = std::to_string(lane) + ":" + std::to_string(number);
    link_->send({.number = number, .lane = lane, .bytes = bytes});
  }

  void on_up() override { ++ups_; }
  void on_down(std::string_view reason) override { downs_.emplace_back(reason); }
  void on_record(std::string_view bytes, std::string_view source) override {
    records_.emplace_back(bytes);
    last_source_ = source;
  }
  void on_sent(std::uint64_t number, SendResult result) override { sent_.emplace_back(number, result); }
  void on_gap(std::string_view reason) override { gaps_.emplace_back(reason); }
  void drain_mail() override {}
  void on_timers(MonotonicMs now) override { loop_.timers().expire(now); }
  void flush() override {
    if (link_) {
      link_->flush();
    }
  }
  void destroy_closed() override {}
  bool has_work() const override { return false; }

  MockKafka kafka_;
  net::EventLoop loop_;
  int ups_ = 0;
  std::vector<std::string> downs_;
  std::vector<std::string> records_;
  std::string last_source_;
  std::vector<std::pair<std::uint64_t, SendResult>> sent_;
  std::vector<std::string> gaps_;
  std::unique_ptr<Link> link_;
};

TEST_F(KafkaLinkTest, BringsBackWhatItSendsInOrderOfEachLane) {
  open();
  for (std::uint64_t number = 1; number <= 300; ++number) {
    send(number, number % 2);
  }
  ASSERT_TRUE(until([this] { return records_.size() == 300 && sent_.size() == 300; }));
  std::uint64_t last[2] = {0, 0};
  for (const std::string& record : records_) {
    const std::uint64_t number = std::stoull(record.substr(2));
    std::uint64_t& before = last[number % 2];
    EXPECT_EQ(number, before == 0 ? (number % 2 == 0 ? 2U : 1U) : before + 2);
    before = number;
  }
  for (const auto& [number, result] : sent_) {
    EXPECT_EQ(result, SendResult::kStored) << number;
  }
  EXPECT_EQ(last_source_.find("pushwire/"), 0U);
  EXPECT_TRUE(gaps_.empty());
}

TEST_F(KafkaLinkTest, HandsOverNothingWhilePausedAndAllOfItAfterwards) {
  open();
  link_->pause();
  for (std::uint64_t number = 1; number <= 20; ++number) {
    send(number, 7);
  }
  ASSERT_TRUE(until([this] { return sent_.size() == 20; }));
  EXPECT_TRUE(records_.empty());
  link_->resume();
  ASSERT_TRUE(until([this] { return records_.size() == 20; }));
  EXPECT_EQ(records_.front(), "7:1");
  EXPECT_EQ(records_.back(), "7:20");
}

TEST_F(KafkaLinkTest, GoesDownWithTheBrokerNamingTheSettingAndOnWhereItWas) {
  open();
  send(1, 0);
  ASSERT_TRUE(until([this] { return records_.size() == 1; }));
  kafka_.stop();
  ASSERT_TRUE(until([this] { return !downs_.empty(); }));
  EXPECT_EQ(downs_.front().find("bus.kafka.brokers: "), 0U) << downs_.front();
  kafka_.start();
  ASSERT_TRUE(until([this] { return ups_ == 2; }));
  send(2, 0);
  ASSERT_TRUE(until([this] { return records_.size() == 2; }));
  EXPECT_EQ(records_.back(), "0:2");
  EXPECT_TRUE(gaps_.empty());
}

TEST_F(KafkaLinkTest, RefusesWhatTheBrokerNeverTakes) {
  open();
  kafka_.fail_once(kProduceRequest, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  send(1, 0);
  ASSERT_TRUE(until([this] { return !sent_.empty(); }));
  EXPECT_EQ(sent_.front().second, SendResult::kRefused);
  const std::string large(kLargestKafkaRecord + 1'000, 'x');
  link_->send({.number = 2, .lane = 0, .bytes = large});
  EXPECT_EQ(sent_.size(), 1U) << "the answer came inside the call";
  ASSERT_TRUE(until([this] { return sent_.size() == 2; }));
  EXPECT_EQ(sent_.back().second, SendResult::kTooLarge);
}

TEST_F(KafkaLinkTest, TellsWhatTheBrokerFindsTooLarge) {
  open();
  const std::string large(kLargestKafkaBatch, 'x');  // always alone in its batch
  for (const auto code : {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE}) {
    sent_.clear();
    kafka_.fail_once(kProduceRequest, code);
    link_->send({.number = 1, .lane = 0, .bytes = large});
    ASSERT_TRUE(until([this] { return !sent_.empty(); }));
    EXPECT_EQ(sent_.front().second, SendResult::kTooLarge) << rd_kafka_err2name(code);
  }
  EXPECT_TRUE(downs_.empty());
}

// The broker's limit is one of batches: what is in one that is refused may be small.
TEST_F(KafkaLinkTest, SendsInSmallerBatchesWhatMayHaveBeenRefusedForTheRecordsBesideIt) {
  open();
  const std::string middle(20'000, 'x');
  const auto is_refused_unanswered = [&](std::string_view bytes, int ups) {
    kafka_.fail_once(kProduceRequest, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    link_->send({.number = 1, .lane = 0, .bytes = bytes});
    return until([&] { return ups_ == ups; }) && sent_.empty();
  };
  ASSERT_TRUE(is_refused_unanswered(middle, 2));
  EXPECT_EQ(downs_.back().find("bus.kafka.topic: "), 0U) << downs_.back();
  send(2, 0);
  ASSERT_TRUE(until([this] { return !sent_.empty(); }));
  EXPECT_EQ(sent_.back(), std::pair(std::uint64_t{2}, SendResult::kStored));
  kafka_.fail_once(kProduceRequest, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  link_->send({.number = 3, .lane = 0, .bytes = middle});
  ASSERT_TRUE(until([this] { return sent_.size() == 2; }));
  EXPECT_EQ(sent_.back().second, SendResult::kTooLarge) << "it was alone";

  sent_.clear();
  ASSERT_TRUE(is_refused_unanswered("small", 3));
  kafka_.fail_once(kProduceRequest, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  send(4, 0);
  ASSERT_TRUE(until([this] { return !sent_.empty(); }));
  EXPECT_EQ(sent_.back(), std::pair(std::uint64_t{4}, SendResult::kTooLarge)) << "even this one was alone";
}

TEST_F(KafkaLinkTest, ClosesInTimeWhenTheBrokerIsAway) {
  open();
  send(1, 0);
  kafka_.stop();
  const MonotonicMs before = monotonic_ms();
  link_->close();
  EXPECT_LT(monotonic_ms() - before, 6'000);
}

}  // namespace
}  // namespace pushwire::bus
