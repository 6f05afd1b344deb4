#include "bus/kafka/kafka_probe.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "bus/kafka/kafka_test_support.h"
#include "net/fd.h"

namespace pushwire::bus {
namespace {

class KafkaProbeTest : public testing::Test {
 protected:
  KafkaAnswer ask(KafkaQuestion question) {
    probe_.ask(std::move(question));
    EXPECT_TRUE(probe_.busy());
    pollfd ready{.fd = wakeup_.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&ready, 1, 10'000), 1);
    const std::optional<KafkaAnswer> answer = probe_.take();
    EXPECT_TRUE(answer);
    EXPECT_FALSE(probe_.busy());
    return answer.value_or(KafkaAnswer{});
  }

  net::Fd wakeup_{eventfd(0, EFD_NONBLOCK)};
  KafkaProbe probe_{wakeup_.get()};
};

TEST_F(KafkaProbeTest, TellsWhereEachPartitionEnds) {
  const MockKafka kafka;
  const KafkaHandle consumer = make_kafka_consumer(kafka.settings(), {}).value();
  const KafkaAnswer answer = ask({.handle = consumer.get(), .topic = "pushwire", .lost = {}, .since = 0});
  EXPECT_EQ(answer.code, RD_KAFKA_RESP_ERR_NO_ERROR) << answer.detail;
  EXPECT_EQ(answer.ends, std::vector<std::int64_t>(MockKafka::kPartitions, 0));
  probe_.stop();
}

TEST_F(KafkaProbeTest, GivesUpInTimeWhenNobodyAnswers) {
  MockKafka kafka;
  kafka.stop();
  const KafkaHandle consumer = make_kafka_consumer(kafka.settings(), {}).value();
  const MonotonicMs before = monotonic_ms();
  const KafkaAnswer answer = ask({.handle = consumer.get(), .topic = "pushwire", .lost = {}, .since = 0});
  EXPECT_NE(answer.code, RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_FALSE(answer.detail.empty());
  EXPECT_LT(monotonic_ms() - before, 2 * KafkaProbe::kMostMs);
  probe_.stop();
}

}  // namespace
}  // namespace pushwire::bus
