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
#include "bus/kafka/kafka_reader.h"
#include "net/fd.h"
#include "net/io_handler.h"

namespace pushwire::bus {
namespace {

constexpr MonotonicMs kProbeEveryMs = 2'000;
// The broker's limit is one of batches, and it refuses one as a whole. With these a record is soon sent alone.
constexpr std::size_t kSmallBatch = 16'384;
constexpr std::size_t kBatchOfOne = 1;
constexpr MonotonicMs kRenewAfterMs = 30'000;  // away for so long: clients anew, with names resolved anew

class KafkaLink final : public Link, private net::IoHandler {
 public:
  KafkaLink(net::EventLoop& loop, LinkEvents& events, const Settings& settings)
      : loop_(loop), events_(events), settings_(settings), reader_(events), tick_(*this) {}
  KafkaLink(const KafkaLink&) = delete;
  KafkaLink& operator=(const KafkaLink&) = delete;
  ~KafkaLink() override { close(); }

  Result<> open() override;
  void send(const OutRecord& record) override;
  void pause() override { reader_.pause(); }
  void resume() override {
    reader_.resume();
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
  struct Answer {
    std::uint64_t number;
    SendResult result;
  };

  static void on_error(rd_kafka_t* handle, int code, const char* reason, void* opaque);
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque);

  void on_io(std::uint32_t events) override;
  void on_result(std::uint64_t number, std::size_t size, rd_kafka_resp_err_t code, const char* detail);
  SendResult judge(std::size_t size, rd_kafka_resp_err_t code);
  Result<> make_handles();
  void probe();
  void on_probed(const KafkaAnswer& answer);
  void on_probe_failed(const KafkaAnswer& answer);
  void renew_when_long_away();
  void renew_producer();
  void go_up();
  void go_down(const std::string& reason);
  void answer_sent();
  void read();

  // Constant after construction.
  net::EventLoop& loop_;
  LinkEvents& events_;
  const Settings settings_;
  std::string topic_name_;
  // The loop's.
  net::Fd wakeup_;
  KafkaReader reader_;
  KafkaHandle producer_;
  std::size_t batch_bytes_ = kLargestKafkaBatch;  // the producer's
  KafkaTopic topic_;  // the producer's; made when the topic is known to be there, so that no default makes it
  std::unique_ptr<KafkaProbe> probe_;
  KafkaGraves graves_;
  Tick tick_;
  Backoff backoff_;
  std::vector<std::int32_t> asked_lost_;  // what the question under way asks for
  std::vector<Answer> answers_;
  std::string last_error_;  // of the library, since it last worked
  std::string broken_;      // why the link is to go down, found inside a callback
  std::string told_;        // the setting that on_down() last named
  MonotonicMs down_since_ = 0;
  MonotonicMs up_from_ = 0;  // not before, so that it does not go up and down many times a second
  int failed_probes_ = 0;
  int unanswered_ = 0;  // times that the link went down because nothing was confirmed, since something was
  bool probe_soon_ = false;
  bool batch_refused_ = false;  // as too large, though each of its records may be small
  bool up_ = false;
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
    wakeup_.reset();
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

// Those that are missing. A new consumer goes on where the old one was.
Result<> KafkaLink::make_handles() {
  const KafkaCalls calls{.on_error = on_error, .on_delivery = on_delivery, .opaque = this};
  if (!producer_) {
    Result<KafkaHandle> producer = make_kafka_producer(settings_, calls, batch_bytes_);
    if (!producer) {
      return fail(producer.error().message);
    }
    producer_ = std::move(*producer);
    wake_on_kafka(*KafkaQueue(rd_kafka_queue_get_main(producer_.get())), wakeup_.get());
  }
  if (reader_.client() == nullptr) {
    Result<KafkaHandle> consumer = make_kafka_consumer(settings_, calls);
    if (!consumer) {
      return fail(consumer.error().message);
    }
    reader_.start(std::move(*consumer), topic_name_, wakeup_.get());
  }
  return {};
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
    // Without waiting for each broker's thread: one may hang where a name is looked up.
    (void)rd_kafka_purge(producer_.get(),
                         RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    graves_.bury(std::move(producer_));
  }
  graves_.bury(reader_.stop());
  const bool all_gone = graves_.wait();
  if (wakeup_) {
    loop_.remove(wakeup_.get());
    if (all_gone) {
      wakeup_.reset();
    } else {
      (void)wakeup_.release();  // a thread that hangs may still write there: the number must not become another's
    }
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
      if (handle == link.reader_.client()) {
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
      return SendResult::kTooLarge;
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
  if (message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT) {
    // Its time is over for the bus, too. When it was under way all that time the broker does not answer.
    link.probe_soon_ = true;
    if (rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED && link.broken_.empty()) {
      ++link.unanswered_;
      link.broken_ = explain_kafka(link.settings_, message->err, "no confirmation within bus.publish_timeout");
    }
    return;
  }
  link.on_result(std::bit_cast<std::uint64_t>(message->_private), message->len, message->err,
                 rd_kafka_err2str(message->err));
}

// Too large is a record only if it was alone in its batch.
SendResult KafkaLink::judge(std::size_t size, rd_kafka_resp_err_t code) {
  const SendResult result = result_of(code);
  if (result != SendResult::kTooLarge || size >= batch_bytes_) {
    return result;
  }
  batch_refused_ = true;
  return SendResult::kTryAgain;
}

void KafkaLink::on_result(std::uint64_t number, std::size_t size, rd_kafka_resp_err_t code, const char* detail) {
  const SendResult result = judge(size, code);
  if (result == SendResult::kStored) {
    unanswered_ = 0;
  } else if (result != SendResult::kTryAgain) {
    refused_log_.warn(loop_.now(), "{}", explain_kafka(settings_, code, detail));
  } else if (broken_.empty()) {
    broken_ = explain_kafka(settings_, code, detail);  // all is sent again: one alone would come after what follows it
    probe_soon_ = true;
  }
  if (result != SendResult::kTryAgain) {
    answers_.push_back({number, result});
  }
}

void KafkaLink::send(const OutRecord& record) {
  static_assert(sizeof(void*) == sizeof record.number, "a record's number travels as the library's opaque pointer");
  if (!broken_.empty()) {
    return;  // the link is about to go down, and this would overtake what was not sent
  }
  std::array<unsigned char, sizeof record.lane> key{};
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<unsigned char>(record.lane >> (8 * i));
  }
  // The payload is copied, whatever the type says.
  auto* bytes = const_cast<char*>(record.bytes.data());
  if (!topic_ || rd_kafka_produce(topic_.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, bytes, record.bytes.size(),
                                  key.data(), key.size(), std::bit_cast<void*>(record.number)) != 0) {
    const rd_kafka_resp_err_t code = topic_ ? rd_kafka_last_error() : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    on_result(record.number, record.bytes.size(), code, rd_kafka_err2str(code));
    loop_.run_again(*this);  // the answer must not come inside the call
  }
}

void KafkaLink::on_io(std::uint32_t) {
  if (!wakeup_) {
    return;  // closed in this turn
  }
  eventfd_t count = 0;
  (void)eventfd_read(wakeup_.get(), &count);
  if (reader_.client() != nullptr && producer_) {
    (void)rd_kafka_poll(reader_.client(), 0);
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
  asked_lost_ = reader_.lost();
  probe_->ask({reader_.client(), topic_name_, asked_lost_, wall_ms() - settings_.max_replay_age.count()});
}

void KafkaLink::on_probed(const KafkaAnswer& answer) {
  if (answer.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    on_probe_failed(answer);
    return;
  }
  if (!reader_.take_positions(answer, asked_lost_)) {
    KafkaAnswer none;
    none.code = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    none.detail = "a partition has no leader yet: no position in it";
    on_probe_failed(none);
    return;
  }
  failed_probes_ = 0;
  last_error_.clear();
  if (up_) {
    backoff_.reset();  // it has stayed up for a while
  } else if (loop_.now() < up_from_) {
    loop_.timers().arm(tick_, up_from_);  // asked before it went down, perhaps
    return;
  } else {
    go_up();
  }
  if (reader_.is_stuck(answer, loop_.now()) && graves_.empty()) {
    log_warning("bus.kafka: the client has read nothing for {} ms although '{}' has more; a new one goes on there",
                KafkaReader::kStuckMs, topic_name_);
    graves_.bury(reader_.stop());
    (void)make_handles();  // what failed is tried again, and told, by probe()
  }
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

void KafkaLink::renew_when_long_away() {
  if (loop_.now() - down_since_ < kRenewAfterMs || !graves_.empty()) {
    return;
  }
  down_since_ = loop_.now();
  graves_.bury(reader_.stop());
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
  if (std::exchange(batch_refused_, false)) {
    batch_bytes_ = batch_bytes_ > kSmallBatch ? kSmallBatch : kBatchOfOne;
    log_warning("bus.kafka.topic: batches are too large for '{}': from now on they have up to {} bytes or one record",
                topic_name_, batch_bytes_);
    renew_producer();
  }
  if (!topic_ && producer_) {
    topic_ = make_kafka_topic(producer_.get(), topic_name_);
  }
  up_ = true;
  told_.clear();
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
    up_from_ = loop_.now() + backoff_.next();
    if (!probe_->busy()) {
      loop_.timers().arm(tick_, up_from_);
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
  const KafkaReader::Read end = reader_.read();
  if (end == KafkaReader::Read::kFailed) {
    const rd_kafka_resp_err_t code = reader_.error();
    if (result_of(code) == SendResult::kRefused) {
      go_down(explain_kafka(settings_, code, rd_kafka_err2str(code)));
    } else {
      probe();  // it asks for what is missing: a position, a leader, the topic
    }
  }
  if (end != KafkaReader::Read::kAll) {
    loop_.run_again(*this);
  }
}

}  // namespace

std::unique_ptr<Link> make_kafka_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings) {
  return std::make_unique<KafkaLink>(loop, events, settings);
}

}  // namespace pushwire::bus
