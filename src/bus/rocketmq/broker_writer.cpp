#include "bus/rocketmq/broker_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace pushwire::bus::rocketmq {
namespace {

constexpr std::string_view kProperties = "TAGS\x01push\x02";
constexpr std::string_view kProbeProperties = "TAGS\x01probe\x02";
constexpr std::string_view kProbeBody = "pushwire";  // a message without a body is refused
constexpr MonotonicMs kProbeAgainMs = 2'000;

bool is_stored(int code) noexcept {
  return code == answer::kOk || code == answer::kFlushDiskTimeout || code == answer::kSlaveNotAvailable ||
         code == answer::kFlushSlaveTimeout;
}

}  // namespace

BrokerWriter::BrokerWriter(const TopicAccess& topic, BrokerEvents& events, std::string name)
    : topic_(topic), events_(events), name_(std::move(name)), connection_(topic, *this) {}

void BrokerWriter::set_route(const net::Endpoint& endpoint, std::uint32_t queues) {
  while (queues_.size() < queues) {
    queues_.emplace_back(kProperties);
  }
  writable_ = queues;
  for (std::size_t number = queues; number < queues_.size(); ++number) {
    give_back(queues_[number]);
  }
  if (connection_.endpoint().port != 0 && connection_.endpoint() != endpoint) {
    on_lost("its address has changed");
  }
  connection_.open(endpoint);
  if (!is_ready_ && !armed()) {
    probe();
  }
}

void BrokerWriter::close() {
  connection_.close();
  cancel();
}

bool BrokerWriter::is_idle() const noexcept {
  return std::all_of(queues_.begin(), queues_.end(), [](const SendQueue& queue) { return queue.is_idle(); });
}

std::string BrokerWriter::problem() const {
  if (!problem_.empty()) {
    return problem_;
  }
  if (writable_ == 0) {
    return fmt::format("bus.rocketmq.topic: {} may not be written at broker {}", topic_.topic, name_);
  }
  return fmt::format("bus.rocketmq.name_servers: broker {} at {} has not answered yet", name_,
                     connection_.endpoint().to_string());
}

std::size_t BrokerWriter::waiting_bytes() const noexcept {
  std::size_t sum = 0;
  for (const SendQueue& queue : queues_) {
    sum += queue.waiting_bytes();
  }
  return sum;
}

// --- is it there -------------------------------------------------------------------------------------------------

void BrokerWriter::on_connected() {
  problem_.clear();
  probe();
}

void BrokerWriter::probe() {
  if (!connection_.is_connected() || is_probing_ || writable_ == 0) {
    return;
  }
  is_probing_ = true;
  connection_.call({.kind = CallKind::kProbe},
                   send_request({.topic = topic_.topic, .born = wall_ms(), .properties = kProbeProperties}), kProbeBody,
                   kAnswerMs);
}

void BrokerWriter::on_probed(const Header& header) {
  is_probing_ = false;
  is_ready_ = is_stored(header.code);
  if (is_ready_) {
    problem_.clear();
  } else {
    problem_ = refusal("messages", name_, header);
    if (header.code == answer::kTopicMissing || header.code == answer::kInvalidParameter) {
      events_.on_route_doubt();
    }
  }
  topic_.loop.timers().arm(*this, topic_.loop.now() + (is_ready_ ? kKeepAliveMs : kProbeAgainMs));
  events_.on_writable_changed();
}

void BrokerWriter::on_timer(MonotonicMs now) {
  if (!connection_.is_connected()) {
    return;
  }
  if (!is_ready_) {
    probe();
    return;
  }
  connection_.call({.kind = CallKind::kCheck}, max_offset_request(topic_.topic, 0), {}, kAnswerMs);
  topic_.loop.timers().arm(*this, now + kKeepAliveMs);
}

void BrokerWriter::on_lost(std::string_view why) {
  is_ready_ = false;
  is_probing_ = false;
  cancel();
  problem_ = absence(name_, connection_.endpoint(), why);
  // Whether they are stored is not known: sent again they are left out as repeated.
  give_all_back();
  events_.on_writer_lost(name_);
  events_.on_writable_changed();
}

// --- records -----------------------------------------------------------------------------------------------------

void BrokerWriter::send(std::uint32_t queue, std::uint64_t number, std::string_view record) {
  queues_[queue].add(number, record);
}

void BrokerWriter::flush() {
  for (std::uint32_t number = 0; is_ready_ && number < queues_.size(); ++number) {
    SendQueue& queue = queues_[number];
    if (queue.can_send()) {
      const SendQueue::Body body = queue.take();
      const bool is_batch = body.form == SendForm::kBatch;
      const Request request = send_request({.topic = topic_.topic,
                                            .queue = number,
                                            .born = wall_ms(),
                                            .form = body.form,
                                            .properties = is_batch ? std::string_view() : kProperties});
      connection_.call({CallKind::kSend, number, queue.batch()}, request, body.bytes, kAnswerMs);
    }
  }
  connection_.flush();
}

void BrokerWriter::on_answer(CallId call, const Header& header, std::string_view) {
  if (call.kind == CallKind::kProbe) {
    on_probed(header);
  } else if (call.kind == CallKind::kSend && call.queue < queues_.size() && call.batch == queues_[call.queue].batch()) {
    on_stored(queues_[call.queue], header);
  }
}

void BrokerWriter::on_stored(SendQueue& queue, const Header& header) {
  if (is_stored(header.code)) {
    for (const std::uint64_t number : queue.take_in_flight()) {
      events_.on_sent(number, SendResult::kStored);
    }
    return;
  }
  if (header.code == answer::kMessageIllegal) {
    if (queue.in_flight() > 1) {
      queue.shrink_batches();  // each alone may be small enough
      give_back(queue);
      return;
    }
    log_warning("bus rocketmq: {}", refusal("a message", name_, header));
    queue.restore_batches();
    for (const std::uint64_t number : queue.take_in_flight()) {
      events_.on_sent(number, SendResult::kTooLarge);
    }
    return;
  }
  // Also what waits behind them, so that they stay in order.
  give_back(queue);
  if (header.code != answer::kBusy) {
    stop_sending(header);
  }
}

void BrokerWriter::stop_sending(const Header& header) {
  is_ready_ = false;
  problem_ = refusal("messages", name_, header);
  if (header.code == answer::kTopicMissing || header.code == answer::kInvalidParameter) {
    events_.on_route_doubt();
  }
  topic_.loop.timers().arm(*this, topic_.loop.now() + kProbeAgainMs);
  give_all_back();
  events_.on_writable_changed();
}

void BrokerWriter::give_back(SendQueue& queue) {
  for (const std::uint64_t number : queue.take_all()) {
    events_.on_sent(number, SendResult::kTryAgain);
  }
}

void BrokerWriter::give_all_back() {
  for (SendQueue& queue : queues_) {
    give_back(queue);
  }
}

}  // namespace pushwire::bus::rocketmq
