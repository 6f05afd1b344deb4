// MockKafka: librdkafka's own broker inside the test process, for faults that a real broker does not show on demand.
#pragma once

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <string>

#include "bus/kafka/kafka_handle.h"

namespace pushwire::bus {

class MockKafka {
 public:
  static constexpr int kPartitions = 3;

  MockKafka() {
    Result<KafkaHandle> owner = make_kafka_producer(Settings{}, {});
    EXPECT_TRUE(owner);
    owner_ = std::move(*owner);
    cluster_ = rd_kafka_mock_cluster_new(owner_.get(), 1);
    rd_kafka_mock_topic_create(cluster_, "pushwire", kPartitions, 1);
  }
  MockKafka(const MockKafka&) = delete;
  MockKafka& operator=(const MockKafka&) = delete;
  ~MockKafka() { rd_kafka_mock_cluster_destroy(cluster_); }

  Settings settings() const {
    Settings result;
    result.kafka.brokers = {std::string(rd_kafka_mock_cluster_bootstraps(cluster_))};
    return result;
  }
  void stop() { (void)rd_kafka_mock_broker_set_down(cluster_, 1); }
  void start() { (void)rd_kafka_mock_broker_set_up(cluster_, 1); }
  // The next request of this kind gets this answer.
  void fail_once(std::int16_t request, rd_kafka_resp_err_t code) {
    rd_kafka_mock_push_request_errors(cluster_, request, 1, code);
  }

 private:
  KafkaHandle owner_;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace pushwire::bus
