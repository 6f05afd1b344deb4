#include "bus/remote_bus.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "base/log.h"

namespace pushwire::bus {
namespace {

constexpr MonotonicMs kTickMs = net::TimerWheel::kTickMs;
constexpr MonotonicMs kIdleTickMs = 1'000;
// How long out-of-order arrival takes at most, in a bus that keeps nothing: two announcements (hub/cluster.h).
constexpr MonotonicMs kReorderMs = 5'000;
constexpr std::size_t kMostSources = 64;  // that have a line a minute of their own in the log

std::uint64_t random_run() {
  std::random_device random;
  return (std::uint64_t{random()} << 32) | random();
}

}  // namespace

RemoteBus::RemoteBus(std::string_view name, const Settings& settings, std::string_view node,
                     const LinkFactory& make_link)
    : name_(name),
      node_(node),
      settings_(settings),
      run_id_(random_run()),
      inbox_(loop_, kMostWaitingBytes),
      tracker_(settings.max_replay_age.count() + kReorderMs),
      bounds_(settings.max_replay_age.count()),
      link_(make_link(loop_, *this, settings_)) {
  largest_.store(link_->largest_record());
}

RemoteBus::~RemoteBus() {
  stop();
}

Result<> RemoteBus::start(EnvelopeSink& sink, PublishListener& listener) {
  sink_ = &sink;
  listener_ = &listener;
  down_since_.store(monotonic_ms());
  {
    const std::lock_guard lock(reason_mutex_);
    reason_ = "the bus is connecting";
  }
  if (auto opened = link_->open(); !opened) {
    return opened;
  }
  look_within(kTickMs);
  gate_.open();
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "bus");
  return {};
}

void RemoteBus::run() {
  sink_->begin_batch();
  loop_.run(*this);
  link_->close();
  const auto refuse = [this](Outgoing&& outgoing) {
    if (!outgoing.control) {
      listener_->on_published(outgoing.ticket, PublishOutcome::kUnavailable);
    }
    release(outgoing.reserved);
  };
  inbox_.drain(refuse);
  inbox_.drain(refuse);  // what had been handed out in part, then what came meanwhile
  for (Unconfirmed& record : unconfirmed_) {
    if (record.state != SendState::kDone) {
      settle(record, PublishOutcome::kUnavailable);
    }
  }
  link_->release();
  sink_->end_batch();
}

void RemoteBus::stop() {
  gate_.close();
  if (thread_.joinable()) {
    loop_.request_stop();
    thread_.join();
  }
  up_.store(false);
  const std::lock_guard lock(reason_mutex_);
  reason_ = "the bus is stopped";
}

Health RemoteBus::health() const {
  if (up_.load(std::memory_order_acquire)) {
    return {.up = true, .reason = {}};
  }
  const std::lock_guard lock(reason_mutex_);
  return {.up = false, .reason = reason_};
}

// --- out ---------------------------------------------------------------------------------------------------------

std::optional<PublishOutcome> RemoteBus::publish(Envelope&& envelope, PublishTicket ticket) {
  const CallGate::Call call(gate_);
  const bool away = !up_.load(std::memory_order_acquire) &&
                    monotonic_ms() - down_since_.load(std::memory_order_relaxed) >= settings_.publish_timeout.count();
  if (!call || away) {
    return PublishOutcome::kUnavailable;
  }
  Outgoing outgoing{ticket, {}, std::nullopt, lane_of(envelope), 0};
  if (envelope.kind == EnvelopeKind::kControl) {
    outgoing.reserved = envelope.bytes();
    outgoing.control = std::move(envelope);
  } else {
    outgoing.record = encode_record(envelope, run_id_);
    outgoing.reserved = outgoing.record.size() + sizeof(Unconfirmed);
    if (outgoing.record.size() > largest_record()) {
      return PublishOutcome::kTooLarge;
    }
  }
  if (!inbox_.reserve(outgoing.reserved)) {
    return PublishOutcome::kOverloaded;
  }
  counters_.waiting_bytes.fetch_add(outgoing.reserved, std::memory_order_relaxed);
  inbox_.post(std::move(outgoing));
  return std::nullopt;
}

void RemoteBus::drain_mail() {
  inbox_.drain([this](Outgoing&& outgoing) { take(std::move(outgoing)); });
}

void RemoteBus::take(Outgoing&& outgoing) {
  ++turn_records_;
  const MonotonicMs now = monotonic_ms();
  if (unconfirmed_.empty()) {
    look_within(kTickMs);
  }
  Unconfirmed& record = unconfirmed_.emplace_back();
  record.ticket = outgoing.ticket;
  record.lane = outgoing.lane;
  record.reserved = outgoing.reserved;
  // Looked at once in two ticks at the latest, and told within the time that is promised.
  record.deadline = now + std::max(settings_.publish_timeout.count() - 2 * kTickMs, kTickMs);
  if (outgoing.control) {
    record.record = encode_record(*outgoing.control, run_id_, refused_lately(now));
    stamp_number(record.record, next_number_);
  } else {
    record.record = std::move(outgoing.record);
    record.number = next_number_++;
    stamp_number(record.record, record.number);
  }
  if (record.record.size() > largest_record()) {
    refuse_number(record.number, now);
    settle(record, PublishOutcome::kTooLarge);  // a control record, or the server has lowered its limit
    drop_settled();
    return;
  }
  // While others wait for their second try it queues behind them, so that a lane stays in order.
  if (up_.load(std::memory_order_relaxed) && !send_again_) {
    send(record, first_serial_ + unconfirmed_.size() - 1);
  }
}

void RemoteBus::send(Unconfirmed& record, std::uint64_t serial) {
  record.state = SendState::kSent;
  link_->send({serial, record.lane, record.record});
}

void RemoteBus::send_waiting() {
  send_again_ = false;
  for (std::size_t i = 0; i < unconfirmed_.size() && up_.load(std::memory_order_relaxed); ++i) {
    if (unconfirmed_[i].state == SendState::kWaiting) {
      send(unconfirmed_[i], first_serial_ + i);
    }
  }
}

void RemoteBus::on_sent(std::uint64_t serial, SendResult result) {
  const std::uint64_t index = serial - first_serial_;
  if (serial < first_serial_ || index >= unconfirmed_.size() || unconfirmed_[index].state != SendState::kSent) {
    return;
  }
  Unconfirmed& record = unconfirmed_[index];
  switch (result) {
    case SendResult::kStored:
      settle(record, PublishOutcome::kAccepted);
      break;
    case SendResult::kTryAgain:
      record.state = SendState::kWaiting;
      send_again_ = true;
      return;
    case SendResult::kRefused:
    case SendResult::kTooLarge:
      refuse_number(record.number, monotonic_ms());
      settle(record, result == SendResult::kRefused ? PublishOutcome::kUnavailable : PublishOutcome::kTooLarge);
      break;
  }
}

void RemoteBus::settle(Unconfirmed& record, PublishOutcome outcome) {
  record.state = SendState::kDone;
  if (record.number != 0) {
    listener_->on_published(record.ticket, outcome);
  }
  std::string().swap(record.record);
  release(std::exchange(record.reserved, 0));
}

void RemoteBus::release(std::size_t reserved) {
  inbox_.release(reserved);
  counters_.waiting_bytes.fetch_sub(reserved, std::memory_order_relaxed);
}

void RemoteBus::drop_settled() {
  while (!unconfirmed_.empty() && unconfirmed_.front().state == SendState::kDone) {
    unconfirmed_.pop_front();
    ++first_serial_;
  }
}

void RemoteBus::expire(MonotonicMs now) {
  // All wait equally long, so the oldest are the first.
  for (Unconfirmed& record : unconfirmed_) {
    if (record.deadline > now) {
      break;
    }
    if (record.state != SendState::kDone) {
      refuse_number(record.number, now);
      settle(record, PublishOutcome::kUnavailable);
    }
  }
  drop_settled();
}

void RemoteBus::refuse_number(std::uint64_t number, MonotonicMs now) {
  if (number == 0) {
    return;
  }
  if (!refused_.empty() && refused_.back().range.last + 1 == number) {
    refused_.back().range.last = number;
    refused_.back().since = now;
  } else {
    refused_.push_back({{number, number}, now});
  }
}

std::vector<NumberRange> RemoteBus::refused_lately(MonotonicMs now) {
  // Said in each announcement until the last node must have given up waiting for those numbers.
  const MonotonicMs keep = 2 * (settings_.max_replay_age.count() + kReorderMs);
  while (!refused_.empty() && (now - refused_.front().since > keep || refused_.size() > 1'024)) {
    refused_.pop_front();
  }
  std::vector<NumberRange> ranges;
  for (const Refused& refused : refused_) {
    ranges.push_back(refused.range);
  }
  return ranges;
}

// --- in ----------------------------------------------------------------------------------------------------------

void RemoteBus::on_record(std::string_view bytes, std::string_view source) {
  ++turn_records_;
  auto record = decode_record(bytes);
  if (!record) {
    skip_unreadable(record.error(), source);
    return;
  }
  Envelope& envelope = record->envelope;
  if (turn_ns_ == 0) {
    turn_ns_ = monotonic_ns();
    turn_wall_ = wall_ms();
  }
  if (!tracker_.is_plausible(record->stamp)) {
    skip_unreadable({RecordFault::Kind::kDamaged, "no node has given so many pushes to the bus"}, source);
    return;
  }
  if (was_up_ && !up_.load(std::memory_order_relaxed) && link_->capabilities().replay) {
    bounds_.set(turn_wall_, loop_.now());  // the link hands over before it says that it is up
  }
  if (envelope.kind == EnvelopeKind::kControl) {
    hear_control(std::move(*record));
    return;
  }
  if (tracker_.saw(record->stamp, loop_.now()) == SequenceTracker::Verdict::kRepeated) {
    counters_.repeated.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (is_stale(envelope)) {
    return;
  }
  if (record->stamp.run != run_id_) {
    // The other node's monotonic clock means nothing here; the wall clocks have to do.
    envelope.received_ns = turn_ns_ - std::max<std::int64_t>(turn_wall_ - envelope.born_ms, 0) * 1'000'000;
  }
  hand_over(std::move(envelope));
}

void RemoteBus::hear_control(DecodedRecord&& record) {
  tracker_.refused(record.stamp.run, record.refused);
  tracker_.reached(record.stamp, loop_.now());
  if (!bounds_.leaves_out_control(record.envelope.born_ms, loop_.now())) {
    sink_->on_envelope(std::move(record.envelope));
  }
}

void RemoteBus::skip_unreadable(const RecordFault& fault, std::string_view source) {
  counters_.unreadable.fetch_add(1, std::memory_order_relaxed);
  auto known = unreadable_log_.find(source);
  if (known == unreadable_log_.end()) {
    const std::string key(unreadable_log_.size() < kMostSources ? source : "other sources");
    known = unreadable_log_.try_emplace(key, 60'000).first;
  }
  known->second.warn(monotonic_ms(), "bus {}: skipping a record from {}: {}", name_, source, fault.what);
}

// After an outage a bus with a store hands over what came meanwhile: not what is older than anybody wants to see.
bool RemoteBus::is_stale(const Envelope& envelope) {
  if (!bounds_.leaves_out_push(envelope.born_ms, loop_.now())) {
    return false;
  }
  counters_.stale.fetch_add(1, std::memory_order_relaxed);
  counters_.missed.fetch_add(1, std::memory_order_relaxed);
  if (!std::exchange(replay_bounded_, true)) {
    on_gap("what was published more than bus.max_replay_age before the bus came back is left out");
  }
  return true;
}

// False: the sink wants it later, and has left it as it was.
bool RemoteBus::offer(Envelope& envelope) {
  const Delivered delivered = sink_->on_envelope(std::move(envelope));
  if (delivered == Delivered::kUnreadable) {
    skip_unreadable({RecordFault::Kind::kDamaged, "it holds no push that a client may get"}, "a node");
  }
  return delivered != Delivered::kPause;
}

void RemoteBus::hand_over(Envelope&& envelope) {
  if (backlog_.empty() && offer(envelope)) {
    return;
  }
  const std::size_t bytes = envelope.bytes();
  if (backlog_bytes_ + bytes > kMostWaitingBytes) {
    counters_.missed.fetch_add(1, std::memory_order_relaxed);
    if (!std::exchange(backlog_overflowed_, true)) {
      on_gap("this node's workers do not keep up, and what waits for them has reached its limit");
    }
    return;
  }
  if (backlog_.empty()) {
    link_->pause();
    look_within(kTickMs);
  }
  backlog_bytes_ += bytes;
  backlog_.push_back(std::move(envelope));
}

void RemoteBus::hand_over_waiting() {
  if (backlog_.empty()) {
    return;
  }
  if (bounds_.in_force(loop_.now())) {
    bounds_.read_on(loop_.now());
  }
  while (!backlog_.empty()) {
    const std::size_t bytes = backlog_.front().bytes();
    if (!offer(backlog_.front())) {
      return;
    }
    backlog_bytes_ -= bytes;
    backlog_.pop_front();
  }
  backlog_overflowed_ = false;
  tracker_.start_waiting(loop_.now());
  link_->resume();
}

// Not while nothing can come: what the others have sent meanwhile may still.
void RemoteBus::count_missed() {
  if (!up_.load(std::memory_order_relaxed) || !backlog_.empty()) {
    return;
  }
  if (const std::uint64_t missed = tracker_.take_missed(loop_.now()); missed > 0) {
    counters_.missed.fetch_add(missed, std::memory_order_relaxed);
    missed_log_.warn(monotonic_ms(), "bus {}: {} envelopes of other nodes or this one never came", name_, missed);
  }
}

// --- up and down -------------------------------------------------------------------------------------------------

void RemoteBus::on_up() {
  largest_.store(link_->largest_record());
  if (up_.load(std::memory_order_relaxed)) {
    return;
  }
  if (std::exchange(was_up_, true)) {
    counters_.reconnects.fetch_add(1, std::memory_order_relaxed);
    if (link_->capabilities().replay) {
      bounds_.set(wall_ms(), loop_.now());
    }
    replay_bounded_ = false;
    tracker_.start_waiting(loop_.now());
  }
  up_.store(true, std::memory_order_release);
  log_info("bus {} is up", name_);
  for (Unconfirmed& record : unconfirmed_) {
    if (record.state == SendState::kSent) {
      record.state = SendState::kWaiting;  // sent before the link was lost: nobody knows whether it arrived
    }
  }
  send_waiting();
}

void RemoteBus::on_down(std::string_view reason) {
  bool news = false;
  {
    const std::lock_guard lock(reason_mutex_);
    news = reason_ != reason || up_.load(std::memory_order_relaxed);
    reason_ = reason;
  }
  if (up_.exchange(false)) {
    down_since_.store(monotonic_ms());
  }
  if (news) {
    log_warning("bus {} is down: {}", name_, reason);
  }
}

void RemoteBus::on_gap(std::string_view reason) {
  counters_.gaps.fetch_add(1, std::memory_order_relaxed);
  log_warning("bus {}: envelopes may have been missed: {}", name_, reason);
}

// --- the turn ----------------------------------------------------------------------------------------------------

void RemoteBus::on_timers(MonotonicMs now) {
  loop_.timers().expire(now);
}

void RemoteBus::on_timer(MonotonicMs) {
  const MonotonicMs real = monotonic_ms();
  expire(real);
  hand_over_waiting();
  count_missed();
  if (send_again_ && up_.load(std::memory_order_relaxed)) {
    send_waiting();
  }
  const bool busy = !unconfirmed_.empty() || !backlog_.empty();
  look_within(busy ? kTickMs : kIdleTickMs);
}

// Brings the timer forward, never puts it off: in a steady flow something always begins.
void RemoteBus::look_within(MonotonicMs ms) {
  const MonotonicMs at = loop_.now() + ms;
  if (!armed() || at < look_at_) {
    look_at_ = at;
    loop_.timers().arm(*this, at);
  }
}

void RemoteBus::flush() {
  drop_settled();
  turn_ns_ = 0;
  link_->flush();
  sink_->end_batch();
  sink_->begin_batch();
}

void RemoteBus::destroy_closed() {
  link_->release();
  if (const std::uint64_t records = std::exchange(turn_records_, 0); records > 0) {
    if (const std::int64_t rest = pace_.after_turn(records, monotonic_ns()); rest > 0) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(rest));
    }
  }
}

}  // namespace pushwire::bus
