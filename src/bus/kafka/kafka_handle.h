// KafkaHandle: one client of librdkafka, made from the settings, and its error codes in words for an operator.
// Making one connects nothing yet but starts the library's threads; they call back only inside rd_kafka_poll(), and
// that on the caller's thread. Its log goes to the debug level of ours.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bus/settings.h"

namespace pushwire::bus {

// A broker as it comes takes batches of 1,048,588 bytes (its message.max.bytes). A batch of one record has 61 bytes of
// head, and the record up to 40 more with its key and lengths; the rest is left for headers of later versions.
constexpr std::size_t kLargestKafkaRecord = 1'048'000;
// What the library puts into one batch unless it is told otherwise.
constexpr std::size_t kLargestKafkaBatch = 1'000'000;

struct FreeKafka {
  // Blocks until the library's threads have ended, which a hanging name server can make long: see KafkaGraves.
  void operator()(rd_kafka_t* handle) const noexcept;
};
using KafkaHandle = std::unique_ptr<rd_kafka_t, FreeKafka>;
struct FreeKafkaQueue {
  void operator()(rd_kafka_queue_t* queue) const noexcept { rd_kafka_queue_destroy(queue); }
};
using KafkaQueue = std::unique_ptr<rd_kafka_queue_t, FreeKafkaQueue>;
struct FreeKafkaTopic {
  void operator()(rd_kafka_topic_t* topic) const noexcept { rd_kafka_topic_destroy(topic); }
};
using KafkaTopic = std::unique_ptr<rd_kafka_topic_t, FreeKafkaTopic>;
struct FreeKafkaList {
  void operator()(rd_kafka_topic_partition_list_t* list) const noexcept { rd_kafka_topic_partition_list_destroy(list); }
};
using KafkaList = std::unique_ptr<rd_kafka_topic_partition_list_t, FreeKafkaList>;

// Called inside rd_kafka_poll() with `opaque`; signatures of librdkafka.
struct KafkaCalls {
  void (*on_error)(rd_kafka_t*, int code, const char* reason, void* opaque) = nullptr;
  void (*on_delivery)(rd_kafka_t*, const rd_kafka_message_t*, void* opaque) = nullptr;  // for a producer
  void* opaque = nullptr;
};

// An error names the setting.
Result<KafkaHandle> make_kafka_consumer(const Settings& settings, const KafkaCalls& calls);
// A batch has up to `batch_bytes`, or one record that is larger: one of so many bytes always goes alone.
Result<KafkaHandle> make_kafka_producer(const Settings& settings, const KafkaCalls& calls,
                                        std::size_t batch_bytes = kLargestKafkaBatch);
// The topic that the producer sends to, with its partition chosen by lane (lane % partitions).
KafkaTopic make_kafka_topic(rd_kafka_t* producer, const std::string& name);

// bus.kafka.topic, with bus.namespace before it unless that is the default. An error names the setting.
Result<std::string> kafka_topic_name(const Settings& settings);
// The addresses, with commas between: what librdkafka wants, and a person can read.
std::string kafka_brokers(const Settings& settings);
// Writes 8 bytes into `fd`, an eventfd, whenever the queue is no longer empty.
void wake_on_kafka(rd_kafka_queue_t& queue, int fd);
// What happened and which setting to look at. `detail` is the library's own text.
std::string explain_kafka(const Settings& settings, rd_kafka_resp_err_t code, std::string_view detail);

// Frees handles in threads of their own, since that can block; the owner's thread.
class KafkaGraves {
 public:
  KafkaGraves() = default;
  KafkaGraves(const KafkaGraves&) = delete;
  KafkaGraves& operator=(const KafkaGraves&) = delete;
  ~KafkaGraves() { (void)wait(); }

  void bury(KafkaHandle handle);
  // Whether all are gone.
  bool empty();
  // Waits for them, all together up to kMostMs; what hangs after that is left to itself, with a line in the log.
  // Whether none was left.
  bool wait();

 private:
  static constexpr MonotonicMs kMostMs = 3'000;

  struct Grave {
    std::future<void> gone;
    std::thread thread;
  };
  std::vector<Grave> graves_;
};

}  // namespace pushwire::bus
