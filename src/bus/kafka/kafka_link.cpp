#include "bus/kafka/kafka_link.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/quiet_log.h"
#include "bus/backoff.h"
#include "bus/kafka/kafka_handle.h"
#include "bus/kafka/kafka_probe.h"
#include "net/fd.h"
#include "net/io_handler.h"

namespace pushwire::bus {
namespace {

constexpr MonotonicMs kProbeEveryMs = 2'000;
// The broker has had more for so long and nothing came: the client is stuck (known of several versions of it).
constexpr MonotonicMs kStuckMs = 10'000;
constexpr MonotonicMs kRenewAfterMs = 30'000;  // away for so long: clients anew, with names resolved anew
constexpr std::size_t kBatch = 256;
constexpr int kBatchesPerTurn = 4;

class KafkaLink final : public Link, private net::IoHandler {
 public:
  KafkaLink(net::EventLoop& loop, LinkEvents& events, const Settings& settings)
      : loop_(loop), events_(events), settings_(settings), tick_(*this) {}
  KafkaLink(const KafkaLink&) = delete;
  KafkaLink& operator=(const KafkaLink&) = delete;
  ~KafkaLink() override { close(); }

  Result<> open() override;
  void send(const OutRecord& record) override;
  void pause() override { paused_ = true; }
  void resume() override {
    paused_ = false;
    loop_.run_again(*this);
  }
  void close() override;
  Capabilities capabilities() const override { return {.replay = true, .ordered = true, .at_least_once = true}; }
  std::size_t largest_record() const noexcept override { return kLargestKafkaRecord; }

 private:
  class Tick final : public net::Timer {
   public:
    explicit Tick(KafkaLink& link) : link_(link) {}

   private:
    void on_timer(MonotonicMs) override { link_.probe(); }
    KafkaLink& link_;
  };
  struct Partition {
    std::int64_t next = kUnknownOffset;  // of the next record to hand over; unknown: its position was lost
    std::int64_t seen = 0;               // `next` when the watchdog last looked
    MonotonicMs behind_since = 0;        // 0: not behind, or moving
    std::string source;                  // "pushwire/3", for the log
  };
  struct Answer {
    std::uint64_t number;
    SendResult result;
  };

  static void on_error(rd_kafka_t* handle, int code, const char* reason, void* opaque);
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque);

  void on_io(std::uint32_t events) override;
  Result<> make_handles();
  void free_consumer();
  void probe();
  void on_probed(const KafkaAnswer& answer);
  void on_probe_failed(const KafkaAnswer& answer);
  bool take_positions(const KafkaAnswer& answer);
  void assign();
  void watch(const KafkaAnswer& answer);
  void renew_when_long_away();
  void renew_producer();
  void go_up();
  void go_down(const std::string& reason);
  void answer_sent();
  void read();
  void take(const rd_kafka_message_t& message);
  void on_read_error(const rd_kafka_message_t& message);
  void drop_batch();

  // Constant after construction.
  net::EventLoop& loop_;
  LinkEvents& events_;
  const Settings settings_;
  std::string topic_name_;
  // The loop's.
  net::Fd wakeup_;
  KafkaHandle consumer_;
  KafkaQueue records_;  // the consumer's
  KafkaHandle producer_;
  KafkaTopic topic_;  // the producer's; made when the topic is known to be there, so that no default makes it
  std::unique_ptr<KafkaProbe> probe_;
  KafkaGraves graves_;
  Tick tick_;
  Backoff backoff_;
  std::vector<Partition> partitions_;
  std::vector<std::int32_t> asked_lost_;  // what the question under way asks for
  std::array<rd_kafka_message_t*, kBatch> batch_{};
  std::size_t batch_next_ = 0;
  std::size_t batch_size_ = 0;
  std::vector<Answer> answers_;
  std::string last_error_;  // of the library, since it last worked
  std::string broken_;      // why the link is to go down, found inside a callback
  std::string told_;        // the setting that on_down() last named
  MonotonicMs down_since_ = 0;
  int failed_probes_ = 0;
  int unanswered_ = 0;  // times that the link went down because nothing was confirmed, since something was
  bool probe_soon_ = false;
  bool up_ = false;
  bool paused_ = false;
  QuietLog refused_log_;
};

Result<> KafkaLink::open() {
  if (settings_.kafka.brokers.empty()) {
    return fail("bus.kafka.brokers: name at least one, host:port");
  }
  Result<std::string> topic = kafka_topic_name(settings_);
  if (!topic) {
    return fail(topic.error().message);
  }
  topic_name_ = std::move(*topic);
  wakeup_.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wakeup_ || !loop_.add(wakeup_.get(), EPOLLIN, *this)) {
    return fail("bus.kafka: no event descriptor; raise the limit of open files");
  }
  probe_ = std::make_unique<KafkaProbe>(wakeup_.get());
  if (Result<> made = make_handles(); !made) {
    close();
    return made;
  }
  down_since_ = loop_.now();
  probe();
  return {};
}

// librdkafka writes these 8 bytes into the eventfd whenever the queue is no longer empty.
void wake_on(const KafkaQueue& queue, int fd) {
  constexpr std::uint64_t kOne = 1;
  rd_kafka_queue_io_event_enable(queue.get(), fd, &kOne, sizeof kOne);
}

// Those that are missing. A new consumer goes on where the old one was.
Result<> KafkaLink::make_handles() {
  const KafkaCalls calls{.on_error = on_error, .on_delivery = on_delivery, .opaque = this};
  if (!producer_) {
    Result<KafkaHandle> producer = make_kafka_producer(settings_, calls);
    if (!producer) {
      return fail(producer.error().message);
    }
    producer_ = std::move(*producer);
    wake_on(KafkaQueue(rd_kafka_queue_get_main(producer_.get())), wakeup_.get());
  }
  if (!consumer_) {
    Result<KafkaHandle> consumer = make_kafka_consumer(settings_, calls);
    if (!consumer) {
      return fail(consumer.error().message);
    }
    consumer_ = std::move(*consumer);
    records_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
    wake_on(records_, wakeup_.get());
    wake_on(KafkaQueue(rd_kafka_queue_get_main(consumer_.get())), wakeup_.get());
    assign();
  }
  return {};
}

void KafkaLink::free_consumer() {
  drop_batch();
  records_.reset();
  graves_.bury(std::move(consumer_));
}

void KafkaLink::close() {
  tick_.cancel();
  loop_.cancel_run_again(*this);
  if (probe_) {
    probe_->stop();
    probe_.reset();
  }
  topic_.reset();
  if (producer_) {
    (void)rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    graves_.bury(std::move(producer_));
  }
  free_consumer();
  graves_.wait();
  if (wakeup_) {
    loop_.remove(wakeup_.get());
    wakeup_.reset();
  }
  up_ = false;
}

// Inside rd_kafka_poll(): nothing is changed here, only noted for on_io().
void KafkaLink::on_error(rd_kafka_t* handle, int code, const char* reason, void* opaque) {
  auto& link = *static_cast<KafkaLink*>(opaque);
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  switch (error) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      // The consumer always has a connection, the producer may have lost an idle one.
      if (handle == link.consumer_.get()) {
        link.broken_ = link.last_error_.empty() ? explain_kafka(link.settings_, error, reason) : link.last_error_;
      }
      link.probe_soon_ = true;
      break;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      link.last_error_ = explain_kafka(link.settings_, error, reason);
      link.broken_ = link.last_error_;
      break;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
      // A refused password ends the connection, too: that it ended is then no news.
      if (link.last_error_.empty()) {
        link.last_error_ = explain_kafka(link.settings_, error, reason);
      }
      break;
    default:  // about the group, which nobody uses, or a single request, which is tried again
      log(LogLevel::kDebug, "bus.kafka: {}: {}", rd_kafka_err2name(error), reason);
      break;
  }
}

SendResult result_of(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return SendResult::kStored;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return SendResult::kRefused;
    default:
      return SendResult::kTryAgain;
  }
}

void KafkaLink::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& link = *static_cast<KafkaLink*>(opaque);
  if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
    return;  // the link went down: the bus sends it again by itself
  }
  const SendResult result = result_of(message->err);
  link.answers_.push_back({std::bit_cast<std::uint64_t>(message->_private), result});
  if (result == SendResult::kStored) {
    link.unanswered_ = 0;
  } else if (message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT && link.broken_.empty() &&
             rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED) {
    ++link.unanswered_;
    link.broken_ = explain_kafka(link.settings_, message->err, "no confirmation within bus.publish_timeout");
  }
  if (result == SendResult::kRefused) {
    link.refused_log_.warn(link.loop_.now(), "{}",
                           explain_kafka(link.settings_, message->err, rd_kafka_message_errstr(message)));
  }
  link.probe_soon_ = link.probe_soon_ || result == SendResult::kTryAgain;
}

void KafkaLink::send(const OutRecord& record) {
  static_assert(sizeof(void*) == sizeof record.number, "a record's number travels as the library's opaque pointer");
  std::array<unsigned char, sizeof record.lane> key{};
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<unsigned char>(record.lane >> (8 * i));
  }
  // The payload is copied, whatever the type says.
  auto* bytes = const_cast<char*>(record.bytes.data());
  if (!topic_ || rd_kafka_produce(topic_.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, bytes, record.bytes.size(),
                                  key.data(), key.size(), std::bit_cast<void*>(record.number)) != 0) {
    const rd_kafka_resp_err_t code = topic_ ? rd_kafka_last_error() : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    answers_.push_back({record.number, result_of(code)});
    refused_log_.warn(loop_.now(), "{}", explain_kafka(settings_, code, rd_kafka_err2str(code)));
    loop_.run_again(*this);  // the answer must not come inside the call
  }
}

void KafkaLink::on_io(std::uint32_t) {
  if (!wakeup_) {
    return;  // closed in this turn
  }
  eventfd_t count = 0;
  (void)eventfd_read(wakeup_.get(), &count);
  if (consumer_ && producer_) {
    (void)rd_kafka_poll(consumer_.get(), 0);
    (void)rd_kafka_poll(producer_.get(), 0);
  }
  if (!broken_.empty()) {
    go_down(std::exchange(broken_, {}));
  }
  answer_sent();
  if (probe_->busy()) {
    if (const std::optional<KafkaAnswer> answer = probe_->take()) {
      on_probed(*answer);
    }
  }
  if (std::exchange(probe_soon_, false) && up_) {
    probe();
  }
  if (up_) {
    read();
  }
}

void KafkaLink::answer_sent() {
  const std::vector<Answer> answers = std::exchange(answers_, {});
  for (const Answer& answer : answers) {
    if (up_) {
      events_.on_sent(answer.number, answer.result);
    }
  }
}

void KafkaLink::probe() {
  if (probe_->busy()) {
    return;  // its answer arms the timer
  }
  if (const Result<> made = make_handles(); !made) {
    go_down(made.error().message);
    loop_.timers().arm(tick_, loop_.now() + backoff_.next());
    return;
  }
  asked_lost_.clear();
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    if (partitions_[i].next == kUnknownOffset) {
      asked_lost_.push_back(static_cast<std::int32_t>(i));
    }
  }
  probe_->ask({consumer_.get(), topic_name_, asked_lost_, wall_ms() - settings_.max_replay_age.count()});
}

void KafkaLink::on_probed(const KafkaAnswer& answer) {
  if (answer.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    on_probe_failed(answer);
    return;
  }
  if (!take_positions(answer)) {
    KafkaAnswer none;
    none.code = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    none.detail = "a partition has no leader yet: no position in it";
    on_probe_failed(none);
    return;
  }
  failed_probes_ = 0;
  last_error_.clear();
  if (!up_) {
    go_up();
  }
  watch(answer);
  loop_.timers().arm(tick_, loop_.now() + kProbeEveryMs);
}

void KafkaLink::on_probe_failed(const KafkaAnswer& answer) {
  ++failed_probes_;
  if (answer.created) {
    log_info("bus.kafka.topic: '{}' was missing and has been created with {} partitions and the brokers' replication",
             topic_name_, KafkaProbe::kNewPartitions);
    loop_.timers().arm(tick_, loop_.now() + Backoff::kFirstMs);
    return;
  }
  if (up_ && failed_probes_ < 2) {
    probe();
    return;
  }
  const bool silent = answer.code == RD_KAFKA_RESP_ERR__TIMED_OUT || answer.code == RD_KAFKA_RESP_ERR__TRANSPORT;
  go_down(silent && !last_error_.empty() ? last_error_ : explain_kafka(settings_, answer.code, answer.detail));
  renew_when_long_away();
  loop_.timers().arm(tick_, loop_.now() + backoff_.next());
}

// Where each partition is read from. False while that is not known of each.
bool KafkaLink::take_positions(const KafkaAnswer& answer) {
  const bool first = partitions_.empty();
  if (first && std::ranges::find(answer.ends, kUnknownOffset) != answer.ends.end()) {
    return false;
  }
  bool changed = false;
  for (std::size_t i = 0; i < asked_lost_.size() && i < answer.starts.size(); ++i) {
    const auto index = static_cast<std::size_t>(asked_lost_[i]);
    const std::int64_t start = answer.starts[i] == kEndOffset ? answer.ends[index] : answer.starts[i];
    if (index < answer.ends.size() && start != kUnknownOffset) {
      partitions_[index].next = start;
      changed = true;
    }
  }
  // One that came later is read from its first record: this node is there from before it.
  for (std::size_t i = partitions_.size(); i < answer.ends.size(); ++i) {
    Partition& added = partitions_.emplace_back();
    added.next = first ? answer.ends[i] : 0;
    added.source = fmt::format("{}/{}", topic_name_, i);
    changed = true;
  }
  if (changed) {
    assign();
  }
  return true;
}

// Of a partition that has been read before, what was fetched and not handed over is fetched again.
void KafkaLink::assign() {
  drop_batch();
  if (partitions_.empty()) {
    return;
  }
  const KafkaList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions_.size())));
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    if (partitions_[i].next != kUnknownOffset) {
      rd_kafka_topic_partition_list_add(list.get(), topic_name_.c_str(), static_cast<std::int32_t>(i))->offset =
          partitions_[i].next;
    }
    partitions_[i].behind_since = 0;
  }
  if (const rd_kafka_resp_err_t code = rd_kafka_assign(consumer_.get(), list.get());
      code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    log_error("{}", explain_kafka(settings_, code, rd_kafka_err2str(code)));
  }
}

// Looks for a client that has stopped reading although the broker has more.
void KafkaLink::watch(const KafkaAnswer& answer) {
  const MonotonicMs now = loop_.now();
  bool stuck = false;
  for (std::size_t i = 0; i < partitions_.size() && i < answer.ends.size(); ++i) {
    Partition& partition = partitions_[i];
    const bool moved = partition.next != partition.seen;
    partition.seen = partition.next;
    if (paused_ || moved || partition.next == kUnknownOffset || answer.ends[i] <= partition.next) {
      partition.behind_since = 0;
    } else if (partition.behind_since == 0) {
      partition.behind_since = now;
    }
    stuck = stuck || (partition.behind_since != 0 && now - partition.behind_since >= kStuckMs);
  }
  if (!stuck || !graves_.empty()) {
    return;
  }
  log_warning(
      "bus.kafka: the client has read nothing for {} ms although '{}' has more; it is made anew and goes on "
      "where it was",
      kStuckMs, topic_name_);
  free_consumer();
  probe();
}

void KafkaLink::renew_when_long_away() {
  if (loop_.now() - down_since_ < kRenewAfterMs || !graves_.empty()) {
    return;
  }
  down_since_ = loop_.now();
  free_consumer();
  renew_producer();
}

void KafkaLink::renew_producer() {
  topic_.reset();
  graves_.bury(std::move(producer_));
  (void)make_handles();  // what failed is tried again, and told, by probe()
}

void KafkaLink::go_up() {
  if (unanswered_ > 1) {
    unanswered_ = 0;  // the broker answers the consumer, yet nothing that is sent: the producer's connection is dead
    renew_producer();
  }
  if (!topic_ && producer_) {
    topic_ = make_kafka_topic(producer_.get(), topic_name_);
  }
  up_ = true;
  told_.clear();
  backoff_.reset();
  events_.on_up();
}

void KafkaLink::go_down(const std::string& reason) {
  if (up_) {
    up_ = false;
    down_since_ = loop_.now();
    answers_.clear();
    // The bus sends again what is not confirmed: a second copy from here would only come twice.
    (void)rd_kafka_purge(producer_.get(),
                         RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    if (!probe_->busy()) {
      loop_.timers().arm(tick_, loop_.now() + backoff_.next());
    }
  }
  // The library words one thing in many ways; another setting to look at is news.
  const std::string setting = reason.substr(0, reason.find(": "));
  if (setting != told_) {
    told_ = setting;
    events_.on_down(reason);
  }
}

void KafkaLink::read() {
  for (int batches = 0; !paused_ && up_ && records_;) {
    if (batch_next_ == batch_size_) {
      if (batches++ == kBatchesPerTurn) {
        loop_.run_again(*this);
        return;
      }
      const ssize_t count = rd_kafka_consume_batch_queue(records_.get(), 0, batch_.data(), batch_.size());
      batch_next_ = 0;
      batch_size_ = count > 0 ? static_cast<std::size_t>(count) : 0;
      if (batch_size_ == 0) {
        return;
      }
    }
    rd_kafka_message_t* message = batch_[batch_next_++];
    take(*message);
    rd_kafka_message_destroy(message);
  }
}

void KafkaLink::take(const rd_kafka_message_t& message) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    on_read_error(message);
    return;
  }
  const auto index = static_cast<std::size_t>(message.partition);
  if (index >= partitions_.size() || partitions_[index].next == kUnknownOffset ||
      message.offset < partitions_[index].next) {
    return;  // fetched before the position was set anew
  }
  partitions_[index].next = message.offset + 1;
  events_.on_record({static_cast<const char*>(message.payload), message.len}, partitions_[index].source);
}

void KafkaLink::on_read_error(const rd_kafka_message_t& message) {
  const auto index = static_cast<std::size_t>(message.partition);
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && index < partitions_.size()) {
    if (partitions_[index].next != kUnknownOffset) {
      events_.on_gap(
          fmt::format("position {} in partition {} of '{}' is no longer there; reading goes on with what is "
                      "younger than bus.max_replay_age",
                      partitions_[index].next, message.partition, topic_name_));
      partitions_[index].next = kUnknownOffset;
    }
  } else if (result_of(message.err) == SendResult::kRefused) {
    go_down(explain_kafka(settings_, message.err, rd_kafka_message_errstr(&message)));
  } else {
    log(LogLevel::kDebug, "bus.kafka: {}: {}", rd_kafka_err2name(message.err), rd_kafka_message_errstr(&message));
  }
  if (up_) {
    probe();
  }
}

void KafkaLink::drop_batch() {
  for (; batch_next_ < batch_size_; ++batch_next_) {
    rd_kafka_message_destroy(batch_[batch_next_]);
  }
}

}  // namespace

std::unique_ptr<Link> make_kafka_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings) {
  return std::make_unique<KafkaLink>(loop, events, settings);
}

}  // namespace pushwire::bus
