// KafkaReader: the consumer's side of a link: a position in each partition of the topic, records from there on in
// order, and a watch over a client that has silently stopped reading. Positions outlive the client: a new one goes on
// where the last was. Thread: the loop's. Lifetime: the events outlive it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "bus/kafka/kafka_handle.h"
#include "bus/kafka/kafka_probe.h"
#include "bus/link.h"

namespace pushwire::bus {

class KafkaReader {
 public:
  // The broker has had more for so long and nothing came: the client is stuck, as several versions of it can be.
  static constexpr MonotonicMs kStuckMs = 10'000;

  enum class Read : std::uint8_t { kAll, kMore, kFailed };

  explicit KafkaReader(LinkEvents& events) : events_(events) {}
  KafkaReader(const KafkaReader&) = delete;
  KafkaReader& operator=(const KafkaReader&) = delete;
  ~KafkaReader() { drop_batch(); }

  // Reads with `consumer` from now on; `wake_fd` (an eventfd) is told of records and of events. Requires: no client.
  void start(KafkaHandle consumer, const std::string& topic, int wake_fd);
  // Gives the client away, null if there is none.
  KafkaHandle stop();
  rd_kafka_t* client() const noexcept { return consumer_.get(); }

  // Partitions whose position was lost; a question must ask where to go on in them.
  std::vector<std::int32_t> lost() const;
  // Takes the positions of partitions that are new, and of those that `lost` says and the answer is about. False while
  // no position is known in any of them at the very beginning.
  bool take_positions(const KafkaAnswer& answer, const std::vector<std::int32_t>& lost);
  // Whether the client is stuck, by what a question answered `now`.
  bool is_stuck(const KafkaAnswer& answer, MonotonicMs now);

  // Hands over what is here, up to some hundred records. kFailed: a request was refused for error().
  Read read();
  rd_kafka_resp_err_t error() const noexcept { return error_; }
  // What is here stays here.
  void pause() noexcept { paused_ = true; }
  void resume() noexcept { paused_ = false; }

 private:
  static constexpr std::size_t kBatch = 256;
  static constexpr int kBatchesPerTurn = 4;

  struct Partition {
    std::int64_t next = kUnknownOffset;  // of the next record to hand over; unknown: its position was lost
    std::int64_t seen = 0;               // `next` when the watch last looked
    MonotonicMs behind_since = 0;        // 0: not behind, or moving
    std::string source;                  // "pushwire/3", for the log
  };

  void assign();
  bool take(const rd_kafka_message_t& message);
  void drop_batch();

  LinkEvents& events_;
  std::string topic_;
  KafkaHandle consumer_;
  KafkaQueue records_;
  std::vector<Partition> partitions_;
  // Fetched and not handed over yet, from batch_next_ on.
  std::array<rd_kafka_message_t*, kBatch> batch_{};
  std::size_t batch_next_ = 0;
  std::size_t batch_size_ = 0;
  rd_kafka_resp_err_t error_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  bool paused_ = false;
};

}  // namespace pushwire::bus
