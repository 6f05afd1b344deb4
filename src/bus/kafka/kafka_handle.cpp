#include "bus/kafka/kafka_handle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace pushwire::bus {
namespace {

struct Option {
  const char* name;
  const char* value;
};

// Names and meanings: librdkafka 2.0.2, CONFIGURATION.md.
constexpr std::array kForBoth = std::to_array<Option>({
    {"client.id", "pushwire"},
    {"log_level", "6"},
    {"log.connection.close", "false"},
    {"socket.keepalive.enable", "true"},
    {"socket.nagle.disable", "true"},
    {"socket.timeout.ms", "6000"},  // a stopped broker is left after this; the probe notices it earlier
    {"reconnect.backoff.ms", "100"},
    {"reconnect.backoff.max.ms", "1000"},
    {"topic.metadata.refresh.interval.ms", "10000"},
});
constexpr std::array kForConsumer = std::to_array<Option>({
    {"group.id", "pushwire"},  // must be set, but nobody joins it and nothing is committed
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},  // a lost position is ours to mend, and to tell
    {"allow.auto.create.topics", "false"},
    {"fetch.wait.max.ms", "250"},  // only of an idle partition: one byte is enough to be answered
    {"fetch.error.backoff.ms", "20"},
    // This version waits a whole second when its local queue is over this, so it is not made very small.
    {"queued.max.messages.kbytes", "32768"},
    {"fetch.message.max.bytes", "1048576"},
    {"fetch.max.bytes", "16777216"},
});
constexpr std::array kForProducer = std::to_array<Option>({
    {"acks", "all"},
    {"linger.ms", "0"},
    // Retries keep the order because nothing overtakes them. What a retry stores twice the bus leaves out by number.
    {"max.in.flight.requests.per.connection", "1"},
    // A request whose time is over may still be handled later. On the same connection what follows comes after it; on
    // a new one it could come before.
    {"socket.max.fails", "0"},
    {"retry.backoff.ms", "50"},
    {"message.max.bytes", "1048588"},
    {"queue.buffering.max.kbytes", "131072"},
    {"queue.buffering.max.messages", "1000000"},
});

void log_of_library(const rd_kafka_t*, int level, const char* facility, const char* text) {
  log(LogLevel::kDebug, "librdkafka {} {}: {}", level, facility, text);
}

// The same on every node, whatever it runs on: the lane is in the record's key, the lowest byte first.
int32_t partition_of_lane(const rd_kafka_topic_t*, const void* key, std::size_t size, int32_t partitions, void*,
                          void*) {
  std::uint64_t lane = 0;
  const auto* bytes = static_cast<const unsigned char*>(key);
  for (std::size_t i = std::min<std::size_t>(size, sizeof lane); i > 0; --i) {
    lane = (lane << 8U) | bytes[i - 1];
  }
  return static_cast<int32_t>(lane % static_cast<std::uint64_t>(partitions));
}

struct FreeConf {
  void operator()(rd_kafka_conf_t* conf) const noexcept { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, FreeConf>;

Result<> set(rd_kafka_conf_t& conf, const char* name, const std::string& value, std::string_view setting) {
  std::array<char, 512> why{};
  if (rd_kafka_conf_set(&conf, name, value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK) {
    return fail(fmt::format("{}: {}", setting, why.data()));
  }
  return {};
}

const char* protocol_of(const KafkaSettings& kafka) {
  if (kafka.username.empty()) {
    return kafka.tls ? "ssl" : "plaintext";
  }
  return kafka.tls ? "sasl_ssl" : "sasl_plaintext";
}

Result<> set_security(rd_kafka_conf_t& conf, const KafkaSettings& kafka) {
  Result<> done = set(conf, "security.protocol", protocol_of(kafka), "bus.kafka.tls");
  if (done && !kafka.username.empty()) {
    done = set(conf, "sasl.mechanisms", "PLAIN", "bus.kafka.username");
    done = done ? set(conf, "sasl.username", kafka.username, "bus.kafka.username") : done;
    done = done ? set(conf, "sasl.password", kafka.password, "bus.kafka.password") : done;
  }
  if (done && kafka.tls && !kafka.tls_ca.empty()) {
    done = set(conf, "ssl.ca.location", kafka.tls_ca, "bus.kafka.tls_ca");
  }
  return done;
}

template <std::size_t N>
Result<Conf> make_conf(const Settings& settings, const std::array<Option, N>& options, const KafkaCalls& calls) {
  Conf conf(rd_kafka_conf_new());
  Result<> done = set(*conf, "bootstrap.servers", kafka_brokers(settings), "bus.kafka.brokers");
  for (std::size_t i = 0; i < kForBoth.size() && done; ++i) {
    done = set(*conf, kForBoth[i].name, kForBoth[i].value, "bus.kafka");
  }
  for (std::size_t i = 0; i < N && done; ++i) {
    done = set(*conf, options[i].name, options[i].value, "bus.kafka");
  }
  done = done ? set_security(*conf, settings.kafka) : done;
  if (!done) {
    return fail(done.error().message);
  }
  rd_kafka_conf_set_opaque(conf.get(), calls.opaque);
  rd_kafka_conf_set_log_cb(conf.get(), log_of_library);
  rd_kafka_conf_set_error_cb(conf.get(), calls.on_error);
  return conf;
}

Result<KafkaHandle> make(rd_kafka_type_t type, Conf conf, const KafkaSettings& kafka) {
  std::array<char, 512> why{};
  rd_kafka_t* handle = rd_kafka_new(type, conf.get(), why.data(), why.size());
  if (handle == nullptr) {
    // Of the settings only the file of authorities is read here.
    return fail(fmt::format("{}: {}", kafka.tls ? "bus.kafka.tls_ca" : "bus.kafka", why.data()));
  }
  (void)conf.release();  // the handle's now
  return KafkaHandle(handle);
}

// Legal names: org.apache.kafka.common.internals.Topic.
bool is_legal_topic(std::string_view name) {
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= 249 && name != "." && name != ".." && std::ranges::all_of(name, legal);
}

}  // namespace

void FreeKafka::operator()(rd_kafka_t* handle) const noexcept {
  rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

Result<KafkaHandle> make_kafka_consumer(const Settings& settings, const KafkaCalls& calls) {
  Result<Conf> conf = make_conf(settings, kForConsumer, calls);
  if (!conf) {
    return fail(conf.error().message);
  }
  return make(RD_KAFKA_CONSUMER, std::move(*conf), settings.kafka);
}

Result<KafkaHandle> make_kafka_producer(const Settings& settings, const KafkaCalls& calls, std::size_t batch_bytes) {
  Result<Conf> conf = make_conf(settings, kForProducer, calls);
  if (!conf) {
    return fail(conf.error().message);
  }
  const std::string timeout = std::to_string(std::max<std::int64_t>(settings.publish_timeout.count(), 1));
  if (const Result<> done = set(**conf, "message.timeout.ms", timeout, "bus.publish_timeout"); !done) {
    return fail(done.error().message);
  }
  if (const Result<> done = set(**conf, "batch.size", std::to_string(batch_bytes), "bus.kafka"); !done) {
    return fail(done.error().message);
  }
  rd_kafka_conf_set_dr_msg_cb(conf->get(), calls.on_delivery);
  return make(RD_KAFKA_PRODUCER, std::move(*conf), settings.kafka);
}

KafkaTopic make_kafka_topic(rd_kafka_t* producer, const std::string& name) {
  rd_kafka_topic_conf_t* conf = rd_kafka_default_topic_conf_dup(producer);
  rd_kafka_topic_conf_set_partitioner_cb(conf, partition_of_lane);
  return KafkaTopic(rd_kafka_topic_new(producer, name.c_str(), conf));
}

Result<std::string> kafka_topic_name(const Settings& settings) {
  const std::string& topic = settings.kafka.topic;
  if (!is_legal_topic(topic)) {
    return fail(
        fmt::format("bus.kafka.topic: '{}' is no name of a Kafka topic (1 to 249 of a-z A-Z 0-9 . _ -)", topic));
  }
  if (settings.name_space == Settings{}.name_space) {
    return topic;
  }
  std::string name = settings.name_space + "-" + topic;
  if (!is_legal_topic(name)) {
    return fail(fmt::format("bus.namespace: '{}' before bus.kafka.topic makes '{}', which is no name of a Kafka topic",
                            settings.name_space, name));
  }
  return name;
}

std::string kafka_brokers(const Settings& settings) {
  return fmt::format("{}", fmt::join(settings.kafka.brokers, ","));
}

void wake_on_kafka(rd_kafka_queue_t& queue, int fd) {
  constexpr std::uint64_t kOne = 1;
  rd_kafka_queue_io_event_enable(&queue, fd, &kOne, sizeof kOne);
}

std::string explain_kafka(const Settings& settings, rd_kafka_resp_err_t code, std::string_view detail) {
  detail = detail.substr(0, detail.find(" (after "));  // how long it took is of no use to a person
  const KafkaSettings& kafka = settings.kafka;
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return kafka.username.empty()
                 ? fmt::format("bus.kafka.username: the broker wants one ({})", detail)
                 : fmt::format("bus.kafka.password: the broker refused '{}' ({})", kafka.username, detail);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return fmt::format("bus.kafka.username: '{}' may not use bus.kafka.topic '{}' ({})", kafka.username, kafka.topic,
                         detail);
    case RD_KAFKA_RESP_ERR__SSL:
      return fmt::format("bus.kafka.tls_ca: no TLS with {} ({})", kafka_brokers(settings), detail);
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return fmt::format("bus.kafka.topic: '{}' is not there ({})", kafka.topic, detail);
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return fmt::format(
          "bus.kafka.topic: the broker takes smaller records only; raise max.message.bytes of '{}' to "
          "1048588 ({})",
          kafka.topic, detail);
    default:
      return fmt::format("bus.kafka.brokers: {} ({})", kafka_brokers(settings), detail);
  }
}

void KafkaGraves::bury(KafkaHandle handle) {
  if (handle) {
    std::packaged_task<void()> task([freed = std::move(handle)]() mutable { freed.reset(); });
    std::future<void> gone = task.get_future();
    graves_.push_back({std::move(gone), std::thread(std::move(task))});
  }
}

bool KafkaGraves::empty() {
  std::erase_if(graves_, [](Grave& grave) {
    const bool gone = grave.gone.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    if (gone) {
      grave.thread.join();
    }
    return gone;
  });
  return graves_.empty();
}

bool KafkaGraves::wait() {
  bool all_gone = true;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kMostMs);
  for (Grave& grave : graves_) {
    if (grave.gone.wait_until(until) == std::future_status::ready) {
      grave.thread.join();
    } else {
      log_error("bus.kafka.brokers: the Kafka client does not end within {} ms; its threads are left behind", kMostMs);
      grave.thread.detach();
      all_gone = false;
    }
  }
  graves_.clear();
  return all_gone;
}

}  // namespace pushwire::bus
