// KafkaProbe: asks the cluster what librdkafka can only be asked by waiting: which partitions the topic has, where each
// ends, and where a time begins in it. A topic that is missing it creates. One thread, one question at a time.
// ask(), busy() and take() on the owner's thread, which `wake_fd` (an eventfd) tells of the answer.
#pragma once

#include <librdkafka/rdkafka.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pushwire::bus {

constexpr std::int64_t kUnknownOffset = -1;  // the partition's leader did not say
constexpr std::int64_t kEndOffset = -2;      // no record is so young: the end, wherever that is now

struct KafkaQuestion {
  rd_kafka_t* handle = nullptr;  // a consumer; must live until the answer was taken or stop() has returned
  std::string topic;
  // Partitions whose position was lost: where do the records of `since` and later begin in them?
  std::vector<std::int32_t> lost;
  WallMs since = 0;
};

struct KafkaAnswer {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string detail;                // of an error
  bool created = false;              // the topic was missing and has just been made: ask again
  std::vector<std::int64_t> ends;    // one a partition: the offset that its next record gets, or kUnknownOffset
  std::vector<std::int64_t> starts;  // one for each of the question's `lost`, kUnknownOffset or kEndOffset
};

class KafkaProbe {
 public:
  // How long a question may take, and so how long stop() may.
  static constexpr MonotonicMs kMostMs = 2'000;
  // What a topic that we create has. More only helps where several brokers share the work.
  static constexpr int kNewPartitions = 4;

  explicit KafkaProbe(int wake_fd) : wake_fd_(wake_fd) {}
  KafkaProbe(const KafkaProbe&) = delete;
  KafkaProbe& operator=(const KafkaProbe&) = delete;
  ~KafkaProbe() { stop(); }

  // Requires: !busy().
  void ask(KafkaQuestion question);
  bool busy() const noexcept { return busy_; }
  // The answer, once, when it is there.
  std::optional<KafkaAnswer> take();
  void stop();

 private:
  void run();

  const int wake_fd_;
  std::thread thread_;
  bool busy_ = false;  // the owner's
  std::mutex mutex_;
  std::condition_variable asked_;
  std::optional<KafkaQuestion> question_;  // guarded by mutex_
  std::optional<KafkaAnswer> answer_;      // guarded by mutex_
  bool stopping_ = false;                  // guarded by mutex_
};

}  // namespace pushwire::bus
