#include "bus/kafka/kafka_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace pushwire::bus {

void KafkaReader::start(KafkaHandle consumer, const std::string& topic, int wake_fd) {
  topic_ = topic;
  consumer_ = std::move(consumer);
  records_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
  wake_on_kafka(*records_, wake_fd);
  wake_on_kafka(*KafkaQueue(rd_kafka_queue_get_main(consumer_.get())), wake_fd);
  assign();
}

KafkaHandle KafkaReader::stop() {
  drop_batch();
  records_.reset();
  return std::move(consumer_);
}

std::vector<std::int32_t> KafkaReader::lost() const {
  std::vector<std::int32_t> result;
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    if (partitions_[i].next == kUnknownOffset) {
      result.push_back(static_cast<std::int32_t>(i));
    }
  }
  return result;
}

bool KafkaReader::take_positions(const KafkaAnswer& answer, const std::vector<std::int32_t>& lost) {
  const bool first = partitions_.empty();
  if (first && std::ranges::find(answer.ends, kUnknownOffset) != answer.ends.end()) {
    return false;
  }
  bool changed = false;
  for (std::size_t i = 0; i < lost.size() && i < answer.starts.size(); ++i) {
    const auto index = static_cast<std::size_t>(lost[i]);
    if (index >= answer.ends.size() || index >= partitions_.size()) {
      continue;
    }
    const std::int64_t start = answer.starts[i] == kEndOffset ? answer.ends[index] : answer.starts[i];
    if (start != kUnknownOffset) {
      partitions_[index].next = start;
      changed = true;
    }
  }
  // One that came later is read from its first record: this node is there from before it.
  for (std::size_t i = partitions_.size(); i < answer.ends.size(); ++i) {
    Partition& added = partitions_.emplace_back();
    added.next = first ? answer.ends[i] : 0;
    added.source = fmt::format("{}/{}", topic_, i);
    changed = true;
  }
  if (changed) {
    assign();
  }
  return true;
}

// What was fetched and not handed over is fetched again.
void KafkaReader::assign() {
  drop_batch();
  if (partitions_.empty() || !consumer_) {
    return;
  }
  const KafkaList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions_.size())));
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    if (partitions_[i].next != kUnknownOffset) {
      rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), static_cast<std::int32_t>(i))->offset =
          partitions_[i].next;
    }
    partitions_[i].behind_since = 0;
  }
  if (const rd_kafka_resp_err_t code = rd_kafka_assign(consumer_.get(), list.get());
      code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    log_error("bus.kafka.topic: '{}' cannot be read: {}", topic_, rd_kafka_err2str(code));
  }
}

bool KafkaReader::is_stuck(const KafkaAnswer& answer, MonotonicMs now) {
  bool stuck = false;
  for (std::size_t i = 0; i < partitions_.size() && i < answer.ends.size(); ++i) {
    Partition& partition = partitions_[i];
    const bool moved = std::exchange(partition.seen, partition.next) != partition.next;
    if (paused_ || moved || partition.next == kUnknownOffset || answer.ends[i] <= partition.next) {
      partition.behind_since = 0;
    } else if (partition.behind_since == 0) {
      partition.behind_since = now;
    }
    stuck = stuck || (partition.behind_since != 0 && now - partition.behind_since >= kStuckMs);
  }
  return stuck;
}

KafkaReader::Read KafkaReader::read() {
  for (int batches = 0; !paused_ && records_;) {
    if (batch_next_ == batch_size_) {
      if (batches++ == kBatchesPerTurn) {
        return Read::kMore;
      }
      const ssize_t count = rd_kafka_consume_batch_queue(records_.get(), 0, batch_.data(), batch_.size());
      batch_next_ = 0;
      batch_size_ = count > 0 ? static_cast<std::size_t>(count) : 0;
      if (batch_size_ == 0) {
        return Read::kAll;
      }
    }
    rd_kafka_message_t* message = batch_[batch_next_++];
    const bool taken = take(*message);
    rd_kafka_message_destroy(message);
    if (!taken) {
      return Read::kFailed;
    }
  }
  return Read::kAll;
}

bool KafkaReader::take(const rd_kafka_message_t& message) {
  const auto index = static_cast<std::size_t>(message.partition);
  if (index >= partitions_.size() || partitions_[index].next == kUnknownOffset) {
    return true;  // fetched before its position was lost
  }
  Partition& partition = partitions_[index];
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
    events_.on_gap(
        fmt::format("bus.kafka.topic: position {} in {} is no longer there; reading goes on with what is younger than "
                    "bus.max_replay_age",
                    partition.next, partition.source));
    partition.next = kUnknownOffset;
  }
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    log(LogLevel::kDebug, "bus.kafka: {}: {}", partition.source, rd_kafka_message_errstr(&message));
    error_ = message.err;
    return false;
  }
  if (message.offset >= partition.next) {  // else fetched before the position was set anew
    partition.next = message.offset + 1;
    events_.on_record({static_cast<const char*>(message.payload), message.len}, partition.source);
  }
  return true;
}

void KafkaReader::drop_batch() {
  for (; batch_next_ < batch_size_; ++batch_next_) {
    rd_kafka_message_destroy(batch_[batch_next_]);
  }
}

}  // namespace pushwire::bus
