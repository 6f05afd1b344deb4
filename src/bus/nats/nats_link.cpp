#include "bus/nats/nats_link.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <atomic>
#include <charconv>
#include <deque>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "base/quiet_log.h"
#include "bus/backoff.h"
#include "bus/nats/connection.h"
#include "bus/nats/connector.h"
#include "bus/nats/jetstream.h"
#include "bus/nats/library.h"
#include "bus/nats/stream_reader.h"

namespace pushwire::bus {
namespace nats {
namespace {

constexpr std::size_t kUsualPayload = std::size_t{1} << 20;  // the server's default, until it has said its own
constexpr std::size_t kHeaderRoom = 128;                     // the record's id travels in the payload's limit
constexpr std::uint64_t kListening = 1;                      // tag of the subscriber's question
// The bus forgets a record when its time is over, but what was handed to the connection still goes out.
constexpr std::size_t kMostWaitingBytes = std::size_t{64} << 20;
constexpr MonotonicMs kCheckMs = 500;
constexpr MonotonicMs kSteadyMs = 10'000;  // up for so long: the next loss is a new story for the back-off
constexpr MonotonicMs kStoreMs = 3'000;    // JetStream's time to confirm a record
constexpr char kStoreName = 'a';           // before a record's number in the subject of its confirmation

std::string random_id() {
  std::random_device device;
  const std::uint64_t high = device();
  return fmt::format("{:016x}", high << 32 | device());
}

// Two connections: one receives, one sends, so that confirmations do not wait behind what a busy node has not read
// yet. The sending one is made only when the receiving one is ready: nothing goes out that this node would miss.
class NatsLink final : public Link,
                       private ConnectionOwner,
                       private StreamReaderOwner,
                       private net::IoHandler,
                       private net::Timer {
 public:
  NatsLink(net::EventLoop& loop, LinkEvents& events, const Settings& settings)
      : loop_(loop),
        events_(events),
        settings_(settings),
        stored_(settings.nats.mode == NatsMode::kJetStream),
        id_(random_id()),
        connector_(settings.nats) {}
  NatsLink(const NatsLink&) = delete;
  NatsLink& operator=(const NatsLink&) = delete;
  ~NatsLink() override { close(); }

  Result<> open() override;
  void send(const OutRecord& record) override;
  void flush() override;
  void release() override { gone_.clear(); }
  void pause() override;
  void resume() override;
  void close() override;
  Capabilities capabilities() const override {
    return {.replay = stored_, .ordered = true, .at_least_once = stored_, .targeted = false};
  }
  std::size_t largest_record() const noexcept override { return largest_.load(std::memory_order_relaxed); }

 private:
  // ConnectionOwner
  void on_data(Connection& connection, natsMsg& message) override;
  void on_swallowed(Connection& connection) override;
  void on_inbox(Connection& connection, std::string_view name, std::string_view body) override;
  void on_answer(Connection& connection, std::uint64_t tag) override;
  void on_nobody(Connection& connection) override;
  void on_lost(Connection& connection, natsStatus status, std::string_view text) override;
  // StreamReaderOwner
  void on_ready() override;
  void on_stream_record(std::string_view bytes) override { events_.on_record(bytes, source_); }
  void on_records_missed(std::string_view reason) override { events_.on_gap(reason); }
  void on_broken(std::string_view reason) override;
  // net::IoHandler: the connector has an outcome.
  void on_io(std::uint32_t) override { look_for_outcome(); }
  // net::Timer
  void on_timer(MonotonicMs now) override;

  void advance();
  void look_for_outcome();
  void take(Opened&& opened);
  Result<> listen(Connection& connection);
  bool store(const OutRecord& record);
  void on_stored(std::string_view number, std::string_view body);
  void give_up_old(MonotonicMs now);
  void drop(std::unique_ptr<Connection>& connection, std::string_view reason);
  void tell_down(std::string_view reason);

  const Library library_;  // first in, last out
  net::EventLoop& loop_;
  LinkEvents& events_;
  const Settings settings_;
  const bool stored_;     // JetStream
  const std::string id_;  // of this link among all, for the server to know a record again that is sent twice
  std::string subject_;
  std::string source_;
  Connector connector_;
  std::atomic<std::size_t> largest_{kUsualPayload - kHeaderRoom};
  std::unique_ptr<StreamReader> reader_;  // JetStream only

  std::unique_ptr<Connection> subscriber_;
  std::unique_ptr<Connection> publisher_;
  std::vector<std::unique_ptr<Connection>> gone_;  // until the end of the turn
  Backoff backoff_;
  MonotonicMs retry_at_ = 0;
  MonotonicMs up_since_ = 0;
  bool watching_ = false;  // the connector's descriptor
  bool connecting_ = false;
  bool listening_ = false;  // the subscriber is ready
  bool up_ = false;
  bool was_up_ = false;  // since the subscriber came: what it misses now is a gap
  bool paused_ = false;
  bool closed_ = false;

  // Core: what is published and not confirmed, in order. Counts since the publisher came.
  std::deque<std::uint64_t> unconfirmed_;
  std::uint64_t published_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t confirmed_ = 0;
  // JetStream: the same, by number, and since when.
  std::unordered_map<std::uint64_t, MonotonicMs> unstored_;
  // Told at the end of the turn: send() may not call back.
  std::vector<std::pair<std::uint64_t, SendResult>> unsent_;
  bool full_ = false;  // in this turn: what is larger must not be overtaken by what still fits
  QuietLog refused_log_;
};

Result<> NatsLink::open() {
  Result<std::string> subject = subject_of(settings_.name_space);
  if (!subject) {
    return tl::unexpected(subject.error());
  }
  subject_ = std::move(*subject);
  source_ = fmt::format("nats/{}", subject_);
  if (stored_) {
    StreamReaderOwner& self = *this;
    reader_ = std::make_unique<StreamReader>(
        self, StreamPlan{stream_of(settings_.name_space), subject_, stream_age(settings_.max_replay_age),
                         duplicate_window(settings_.publish_timeout), heartbeat(settings_.max_replay_age)});
  }
  if (Result<> started = connector_.start(); !started) {
    return started;
  }
  watching_ = loop_.add(connector_.fd(), EPOLLIN, *this);
  if (!watching_) {
    return fail("bus.kind: the kernel watches no more descriptors");
  }
  retry_at_ = loop_.now();
  loop_.timers().arm(*this, loop_.now() + kCheckMs);
  advance();
  return {};
}

void NatsLink::close() {
  if (std::exchange(closed_, true)) {
    return;
  }
  cancel();
  if (watching_) {
    loop_.remove(connector_.fd());
  }
  connector_.stop();
  subscriber_.reset();
  publisher_.reset();
  gone_.clear();
  nats_ReleaseThreadMemory();
}

// --- connecting --------------------------------------------------------------------------------------------------

// The next step towards "up", if one is due.
void NatsLink::advance() {
  if (closed_ || connecting_ || up_ || loop_.now() < retry_at_) {
    return;
  }
  if (!subscriber_ || (listening_ && !publisher_)) {
    connecting_ = true;
    connector_.connect();
  } else if (listening_ && publisher_) {
    up_ = true;
    was_up_ = true;
    up_since_ = loop_.now();
    events_.on_up();
  }
}

void NatsLink::look_for_outcome() {
  std::optional<Result<Opened>> outcome = closed_ ? std::nullopt : connector_.take();
  if (!outcome) {
    return;
  }
  connecting_ = false;
  if (*outcome) {
    take(std::move(**outcome));
  } else {
    tell_down(outcome->error().message);
  }
  advance();
}

void NatsLink::take(Opened&& opened) {
  const bool is_subscriber = !subscriber_;
  std::unique_ptr<Connection>& place = is_subscriber ? subscriber_ : publisher_;
  ConnectionOwner& self = *this;
  place = std::make_unique<Connection>(loop_, self, std::move(opened), settings_.nats.tls);
  Result<> opened_well = place->open();
  if (opened_well && is_subscriber) {
    opened_well = listen(*place);
  }
  if (!opened_well) {
    drop(place, fmt::format("bus.nats.servers: {}: {}", place->server(), opened_well.error().message));
    return;
  }
  const std::size_t room = place->largest_payload();
  largest_.store(stored_ ? room - std::min(room, kHeaderRoom) : room, std::memory_order_relaxed);
}

Result<> NatsLink::listen(Connection& connection) {
  if (paused_) {
    connection.pause();
  }
  if (reader_) {
    return reader_->begin(connection, loop_.now());
  }
  Result<> subscribed = connection.subscribe(subject_);
  connection.ask(kListening);  // its answer proves that the server has the subscription
  return subscribed;
}

void NatsLink::on_ready() {
  listening_ = true;
  advance();
}

void NatsLink::on_lost(Connection& connection, natsStatus status, std::string_view text) {
  std::unique_ptr<Connection>& place = &connection == subscriber_.get() ? subscriber_ : publisher_;
  const bool refused = status == NATS_NOT_PERMITTED || status == NATS_CONNECTION_AUTH_FAILED;
  drop(place, refused ? explain_failure(status, text, settings_.nats, connection.server())
                      : fmt::format("bus.nats.servers: lost {} ({})", connection.server(), text));
}

void NatsLink::on_broken(std::string_view reason) {
  if (subscriber_) {
    drop(subscriber_, reason);
  }
}

void NatsLink::on_nobody(Connection& connection) {
  if (&connection == subscriber_.get()) {
    if (reader_) {
      reader_->on_nobody();
    }
    return;
  }
  // Nobody stores what is published: the stream is gone. Setting up the subscriber makes it again.
  on_broken(fmt::format("bus.nats.mode: no stream at {} takes {}", connection.server(), subject_));
  if (publisher_) {
    drop(publisher_, fmt::format("bus.nats.mode: no stream at {} takes {}", connection.server(), subject_));
  }
}

void NatsLink::drop(std::unique_ptr<Connection>& connection, std::string_view reason) {
  const bool was_subscriber = &connection == &subscriber_;
  connection->close();
  gone_.push_back(std::move(connection));
  if (was_subscriber) {
    listening_ = false;
    if (reader_) {
      reader_->reset();
    }
  } else {
    unconfirmed_.clear();
    unstored_.clear();
    unsent_.clear();
    published_ = asked_ = confirmed_ = 0;
  }
  tell_down(reason);
  if (was_subscriber && std::exchange(was_up_, false) && !stored_) {
    events_.on_gap(reason);
  }
}

void NatsLink::tell_down(std::string_view reason) {
  up_ = false;
  if (retry_at_ <= loop_.now()) {
    retry_at_ = loop_.now() + backoff_.next();
    loop_.timers().arm(*this, std::min(retry_at_, loop_.now() + kCheckMs));
  }
  events_.on_down(reason);
}

void NatsLink::on_timer(MonotonicMs now) {
  loop_.timers().arm(*this, now + kCheckMs);
  if (up_ && now - up_since_ > kSteadyMs) {
    backoff_.reset();
  }
  for (Connection* connection : {subscriber_.get(), publisher_.get()}) {
    if (connection != nullptr) {
      connection->check(now);
    }
  }
  if (reader_ && !paused_) {
    reader_->check(now);
  }
  give_up_old(now);
  if (connecting_) {
    look_for_outcome();
  }
  advance();
  if (!connecting_ && !up_ && retry_at_ > now) {
    loop_.timers().arm(*this, std::min(retry_at_, now + kCheckMs));
  }
}

// --- out ---------------------------------------------------------------------------------------------------------

void NatsLink::send(const OutRecord& record) {
  if (record.bytes.size() > largest_record()) {
    refused_log_.warn(monotonic_ms(),
                      "bus nats: a record of {} bytes is beyond the server's limit (its max_payload), {} bytes",
                      record.bytes.size(), largest_record());
    unsent_.emplace_back(record.number, SendResult::kTooLarge);
    return;
  }
  if (!publisher_) {
    return;  // down, as on_down() has told
  }
  full_ = full_ || publisher_->waiting_bytes() >= kMostWaitingBytes;
  if (full_) {
    unsent_.emplace_back(record.number, SendResult::kTryAgain);
    return;
  }
  if (stored_) {
    if (store(record)) {
      unstored_[record.number] = loop_.now();
    }
  } else if (publisher_->publish(subject_, record.bytes)) {
    unconfirmed_.push_back(record.number);
    ++published_;
  }
}

bool NatsLink::store(const OutRecord& record) {
  const std::string reply = publisher_->inbox(fmt::format("{}{}", kStoreName, record.number));
  natsMsg* made = nullptr;
  natsStatus status = natsMsg_Create(&made, subject_.c_str(), reply.c_str(), record.bytes.data(),
                                     static_cast<int>(record.bytes.size()));
  MessagePtr message(made);
  if (status == NATS_OK) {
    status = natsMsgHeader_Set(made, "Nats-Msg-Id", fmt::format("{}-{}", id_, record.number).c_str());
  }
  if (status != NATS_OK) {
    refused_log_.warn(monotonic_ms(), "bus nats: a record could not be made ready: {}", natsStatus_GetText(status));
    unsent_.emplace_back(record.number, SendResult::kRefused);
    return false;
  }
  return publisher_->publish(std::move(message));
}

void NatsLink::flush() {
  full_ = false;
  for (const auto& [number, result] : std::exchange(unsent_, {})) {
    events_.on_sent(number, result);
  }
  if (publisher_ && published_ != asked_) {
    asked_ = published_;
    publisher_->ask(published_);  // one question for all of the turn
  }
  if (publisher_) {
    publisher_->flush();
  }
  if (subscriber_) {
    subscriber_->flush();
  }
}

void NatsLink::on_answer(Connection& connection, std::uint64_t tag) {
  if (&connection == subscriber_.get()) {
    on_ready();
    return;
  }
  while (confirmed_ < tag && !unconfirmed_.empty()) {
    const std::uint64_t number = unconfirmed_.front();
    unconfirmed_.pop_front();
    ++confirmed_;
    events_.on_sent(number, SendResult::kStored);
  }
}

void NatsLink::on_inbox(Connection& connection, std::string_view name, std::string_view body) {
  if (&connection == subscriber_.get()) {
    if (reader_) {
      reader_->on_inbox(name, body);
    }
  } else if (name.starts_with(kStoreName)) {
    on_stored(name.substr(1), body);
  }
}

void NatsLink::on_stored(std::string_view number_text, std::string_view body) {
  std::uint64_t number = 0;
  std::from_chars(number_text.data(), number_text.data() + number_text.size(), number);
  if (unstored_.erase(number) == 0) {
    return;
  }
  // {"stream":"pushwire","seq":7}: not worth reading unless it speaks of an error.
  if (body.find("\"error\"") == std::string_view::npos) {
    events_.on_sent(number, SendResult::kStored);
    return;
  }
  const ApiAnswer answer = read_api_answer(body).value_or(ApiAnswer{});
  refused_log_.warn(monotonic_ms(), "bus nats: the stream did not take a record: {} ({})", answer.description,
                    answer.error_code);
  events_.on_sent(number, answer.error_code == kMessageTooLarge ? SendResult::kTooLarge : SendResult::kTryAgain);
}

void NatsLink::give_up_old(MonotonicMs now) {
  std::vector<std::uint64_t> old;
  for (const auto& [number, since] : unstored_) {
    if (now - since > kStoreMs) {
      old.push_back(number);
    }
  }
  for (const std::uint64_t number : old) {
    unstored_.erase(number);
    events_.on_sent(number, SendResult::kTryAgain);
  }
}

// --- in ----------------------------------------------------------------------------------------------------------

void NatsLink::on_data(Connection&, natsMsg& message) {
  if (reader_) {
    reader_->on_data(message, loop_.now());
  } else {
    events_.on_record({natsMsg_GetData(&message), static_cast<std::size_t>(natsMsg_GetDataLength(&message))}, source_);
  }
}

// It cannot be read; the bus counts it as such.
void NatsLink::on_swallowed(Connection&) {
  if (reader_) {
    reader_->on_swallowed(loop_.now());
  } else {
    events_.on_record({}, source_);
  }
}

void NatsLink::pause() {
  paused_ = true;
  if (subscriber_) {
    subscriber_->pause();
  }
}

void NatsLink::resume() {
  paused_ = false;
  if (subscriber_) {
    subscriber_->resume();
  }
  if (reader_) {
    reader_->excuse(loop_.now());
  }
}

}  // namespace
}  // namespace nats

std::unique_ptr<Link> make_nats_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings) {
  return std::make_unique<nats::NatsLink>(loop, events, settings);
}

}  // namespace pushwire::bus
