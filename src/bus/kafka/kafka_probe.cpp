#include "bus/kafka/kafka_probe.h"

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "bus/kafka/kafka_handle.h"

namespace pushwire::bus {
namespace {

class Deadline {
 public:
  int left_ms() const { return static_cast<int>(std::max<MonotonicMs>(until_ - monotonic_ms(), 1)); }

 private:
  MonotonicMs until_ = monotonic_ms() + KafkaProbe::kMostMs;
};

KafkaAnswer failed(rd_kafka_resp_err_t code, std::string detail) {
  KafkaAnswer answer;
  answer.code = code;
  answer.detail = std::move(detail);
  return answer;
}

// The number of partitions, or why not.
struct Partitions {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  int count = 0;
};

Partitions partitions_of(rd_kafka_t* handle, const std::string& name, const Deadline& deadline) {
  const KafkaTopic topic(rd_kafka_topic_new(handle, name.c_str(), nullptr));
  if (!topic) {
    return {rd_kafka_last_error(), 0};
  }
  const rd_kafka_metadata_t* found = nullptr;
  Partitions result;
  result.code = rd_kafka_metadata(handle, 0, topic.get(), &found, deadline.left_ms());
  if (result.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (found->topic_cnt == 1) {
      result.code = found->topics[0].err;
      result.count = found->topics[0].partition_cnt;
    }
    if (result.code == RD_KAFKA_RESP_ERR_NO_ERROR && result.count == 0) {
      result.code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    }
    rd_kafka_metadata_destroy(found);
  }
  return result;
}

struct FreeNewTopic {
  void operator()(rd_kafka_NewTopic_t* topic) const noexcept { rd_kafka_NewTopic_destroy(topic); }
};
struct FreeEvent {
  void operator()(rd_kafka_event_t* event) const noexcept { rd_kafka_event_destroy(event); }
};

// With the replication that the brokers have as their default.
KafkaAnswer create(rd_kafka_t* handle, const std::string& name, const Deadline& deadline) {
  std::array<char, 256> why{};
  const std::unique_ptr<rd_kafka_NewTopic_t, FreeNewTopic> topic(
      rd_kafka_NewTopic_new(name.c_str(), KafkaProbe::kNewPartitions, -1, why.data(), why.size()));
  if (!topic) {
    return failed(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, why.data());
  }
  const KafkaQueue queue(rd_kafka_queue_new(handle));
  rd_kafka_NewTopic_t* topics = topic.get();
  rd_kafka_CreateTopics(handle, &topics, 1, nullptr, queue.get());
  const std::unique_ptr<rd_kafka_event_t, FreeEvent> event(rd_kafka_queue_poll(queue.get(), deadline.left_ms()));
  if (!event) {
    return failed(RD_KAFKA_RESP_ERR__TIMED_OUT, "it was missing; creating it was not answered in time");
  }
  rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
  std::string detail = code == RD_KAFKA_RESP_ERR_NO_ERROR ? "" : rd_kafka_event_error_string(event.get());
  if (const rd_kafka_CreateTopics_result_t* result = rd_kafka_event_CreateTopics_result(event.get());
      code == RD_KAFKA_RESP_ERR_NO_ERROR && result != nullptr) {
    std::size_t count = 0;
    const rd_kafka_topic_result_t* const* each = rd_kafka_CreateTopics_result_topics(result, &count);
    if (count == 1 && rd_kafka_topic_result_error(each[0]) != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      code = rd_kafka_topic_result_error(each[0]);
      const char* text = rd_kafka_topic_result_error_string(each[0]);
      detail = text != nullptr ? text : rd_kafka_err2str(code);
    }
  }
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return failed(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, fmt::format("it could not be created: {}", detail));
  }
  KafkaAnswer made = failed(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "it has just been created");
  made.created = true;
  return made;
}

// ListOffsets: for each partition of `list` the offset of its time. Per-partition errors stay in the list.
rd_kafka_resp_err_t look_up(rd_kafka_t* handle, rd_kafka_topic_partition_list_t& list, const Deadline& deadline) {
  return rd_kafka_offsets_for_times(handle, &list, deadline.left_ms());
}

std::int64_t offset_in(const rd_kafka_topic_partition_list_t& list, const std::string& topic, std::int32_t partition) {
  const rd_kafka_topic_partition_t* found =
      rd_kafka_topic_partition_list_find(const_cast<rd_kafka_topic_partition_list_t*>(&list), topic.c_str(), partition);
  if (found == nullptr || found->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return kUnknownOffset;
  }
  return found->offset == RD_KAFKA_OFFSET_END ? kEndOffset : found->offset;
}

KafkaAnswer answer_to(const KafkaQuestion& question) {
  const Deadline deadline;
  const Partitions partitions = partitions_of(question.handle, question.topic, deadline);
  if (partitions.code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    return create(question.handle, question.topic, deadline);
  }
  if (partitions.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return failed(partitions.code, rd_kafka_err2str(partitions.code));
  }
  const KafkaList ends(rd_kafka_topic_partition_list_new(partitions.count));
  for (int partition = 0; partition < partitions.count; ++partition) {
    rd_kafka_topic_partition_list_add(ends.get(), question.topic.c_str(), partition)->offset = RD_KAFKA_OFFSET_END;
  }
  if (const rd_kafka_resp_err_t code = look_up(question.handle, *ends, deadline); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return failed(code, rd_kafka_err2str(code));
  }
  KafkaAnswer answer;
  for (int partition = 0; partition < partitions.count; ++partition) {
    answer.ends.push_back(offset_in(*ends, question.topic, partition));
  }
  if (!question.lost.empty()) {
    const KafkaList starts(rd_kafka_topic_partition_list_new(static_cast<int>(question.lost.size())));
    for (const std::int32_t partition : question.lost) {
      rd_kafka_topic_partition_list_add(starts.get(), question.topic.c_str(), partition)->offset = question.since;
    }
    if (const rd_kafka_resp_err_t code = look_up(question.handle, *starts, deadline);
        code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return failed(code, rd_kafka_err2str(code));
    }
    for (const std::int32_t partition : question.lost) {
      answer.starts.push_back(offset_in(*starts, question.topic, partition));
    }
  }
  return answer;
}

}  // namespace

void KafkaProbe::ask(KafkaQuestion question) {
  busy_ = true;
  {
    const std::lock_guard lock(mutex_);
    question_ = std::move(question);
  }
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { run(); });
  }
  asked_.notify_one();
}

std::optional<KafkaAnswer> KafkaProbe::take() {
  const std::lock_guard lock(mutex_);
  if (answer_) {
    busy_ = false;
  }
  return std::exchange(answer_, std::nullopt);
}

void KafkaProbe::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_one();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void KafkaProbe::run() {
  for (;;) {
    KafkaQuestion question;
    {
      std::unique_lock lock(mutex_);
      asked_.wait(lock, [this] { return stopping_ || question_; });
      if (stopping_) {
        return;
      }
      question = std::move(*question_);
      question_.reset();
    }
    KafkaAnswer answer = answer_to(question);
    {
      const std::lock_guard lock(mutex_);
      answer_ = std::move(answer);
    }
    (void)eventfd_write(wake_fd_, 1);  // cannot fail: the counter is far from full
  }
}

}  // namespace pushwire::bus
