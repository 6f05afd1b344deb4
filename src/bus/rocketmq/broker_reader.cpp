#include "bus/rocketmq/broker_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "bus/rocketmq/message.h"

namespace pushwire::bus::rocketmq {
namespace {

constexpr MonotonicMs kBusyMs = 50;        // after flow control
constexpr MonotonicMs kMissingMs = 1'000;  // after what a new route may mend
constexpr MonotonicMs kErrorMs = 3'000;
// By so much clocks may differ.
constexpr WallMs kClockMs = 5'000;
// So long a broker may hold a pull: silence that means nothing.
constexpr MonotonicMs kHeldMs = BrokerReader::kSuspendMs + 5'000;

}  // namespace

std::string refusal(std::string_view what, std::string_view broker, const Header& header) {
  std::string_view setting = "bus.rocketmq.name_servers: ";
  std::string_view advice;
  if (header.code == answer::kNoPermission) {
    // One code for an unknown key, a wrong secret and a missing right; only the remark tells them apart.
    setting = header.remark.find("signature") != std::string::npos ? "bus.rocketmq.secret_key: "
                                                                   : "bus.rocketmq.access_key: ";
  } else if (header.code == answer::kTopicMissing || header.code == answer::kInvalidParameter) {
    setting = "bus.rocketmq.topic: ";
  } else if (header.code == answer::kGroupMissing) {
    setting = "bus.rocketmq.topic: ";
    advice = "; the group \"pushwire\" has to be created at the broker";
  } else if (header.code == answer::kServiceNotAvailable) {
    setting = {};
    advice = "; is its disk full?";
  } else if (header.code == answer::kMessageIllegal) {
    setting = {};
    advice = "; its maxMessageSize is below what this node sends";
  }
  return fmt::format("{}broker {} refuses {}: code {} ({}){}", setting, broker, what, header.code,
                     std::string_view(header.remark).substr(0, 200), advice);
}

std::string_view setting_for_loss(std::string_view why) noexcept {
  if (why.find("the certificate of") != std::string_view::npos) {
    return "bus.rocketmq.tls_ca";
  }
  if (why.ends_with(kClosedUnanswered)) {
    return "bus.rocketmq.name_servers (or bus.rocketmq.tls, if it wants TLS)";
  }
  return why.find("TLS") != std::string_view::npos || why.find("client certificate") != std::string_view::npos
             ? "bus.rocketmq.tls"
             : "bus.rocketmq.name_servers";
}

std::string absence(std::string_view broker, const net::Endpoint& endpoint, std::string_view why) {
  return fmt::format("{}: broker {} at {} is away: {}", setting_for_loss(why), broker, endpoint.to_string(), why);
}

BrokerReader::BrokerReader(const TopicAccess& topic, BrokerEvents& events, std::string name)
    : topic_(topic), events_(events), name_(std::move(name)), connection_(topic, *this) {}

void BrokerReader::set_route(const net::Endpoint& endpoint, std::uint32_t queues) {
  while (queues_.size() < queues) {
    Queue& queue = queues_.emplace_back();
    queue.source = fmt::format("{}/{}", name_, queues_.size() - 1);
  }
  for (std::uint32_t number = 0; number < queues_.size(); ++number) {
    queues_[number].is_read = number < queues;
  }
  if (connection_.endpoint().port != 0 && connection_.endpoint() != endpoint) {
    on_lost("its address has changed");
  }
  connection_.open(endpoint);
  step_all();
}

void BrokerReader::close() {
  connection_.close();
  cancel();
}

void BrokerReader::resume() {
  paused_ = false;
  step_all();
}

void BrokerReader::check() {
  connection_.call({.kind = CallKind::kCheck}, max_offset_request(topic_.topic, 0), {}, kAnswerMs);
}

bool BrokerReader::is_readable() const noexcept {
  return connection_.is_connected() && std::all_of(queues_.begin(), queues_.end(), [this](const Queue& queue) {
           return !queue.is_read || (queue.position && (queue.is_readable || paused_));
         });
}

std::string BrokerReader::problem() const {
  return !problem_.empty() ? problem_
                           : fmt::format("bus.rocketmq.name_servers: broker {} at {} has not answered yet", name_,
                                         connection_.endpoint().to_string());
}

void BrokerReader::set_problem(std::string problem) {
  if (problem != problem_) {
    problem_ = std::move(problem);
    events_.on_readable_changed();
  }
}

// --- the connection ----------------------------------------------------------------------------------------------

void BrokerReader::on_connected() {
  problem_.clear();
  const MonotonicMs now = monotonic_ms();
  const bool was_long_away = lost_at_ != 0 && now - lost_at_ > topic_.max_replay_age;
  lost_at_ = 0;
  for (Queue& queue : queues_) {
    // The second one tells when it was this node that stood still.
    if (queue.position && queue.answered_at != 0 &&
        (was_long_away || now - queue.answered_at > topic_.max_replay_age + kHeldMs)) {
      look_again(queue, *queue.position);
    }
  }
  step_all();
  events_.on_readable_changed();
}

void BrokerReader::on_lost(std::string_view why) {
  for (Queue& queue : queues_) {
    queue.state = State::kResting;
    queue.is_readable = false;
    queue.not_before = 0;
  }
  is_denied_ = false;
  lost_at_ = lost_at_ == 0 ? monotonic_ms() : lost_at_;
  problem_ = absence(name_, connection_.endpoint(), why);
  events_.on_readable_changed();
}

void BrokerReader::on_answer(CallId call, const Header& header, std::string_view body) {
  if (call.kind == CallKind::kCheck || call.queue >= queues_.size()) {
    return;
  }
  Queue& queue = queues_[call.queue];
  queue.state = State::kResting;
  if (call.kind == CallKind::kPosition) {
    on_position(queue, header);
  } else {
    on_pulled(queue, header, body);
  }
  step(call.queue);
}

void BrokerReader::on_timer(MonotonicMs) {
  step_all();
}

void BrokerReader::rest(Queue& queue, MonotonicMs delay) {
  queue.not_before = topic_.loop.now() + delay;
  if (!armed() || queue.not_before < wakes_at_) {
    wakes_at_ = queue.not_before;
    topic_.loop.timers().arm(*this, wakes_at_);
  }
}

// --- one queue ---------------------------------------------------------------------------------------------------

void BrokerReader::step_all() {
  for (std::uint32_t number = 0; number < queues_.size(); ++number) {
    step(number);
  }
}

void BrokerReader::step(std::uint32_t number) {
  Queue& queue = queues_[number];
  if (!connection_.is_connected() || !queue.is_read || queue.state != State::kResting) {
    return;
  }
  if (const MonotonicMs now = topic_.loop.now(); queue.not_before > now) {
    rest(queue, queue.not_before - now);  // another queue's timer may have come first
    return;
  }
  if (!queue.position) {
    ask_position(number);
  } else if (!paused_) {
    pull(number);
  }
}

void BrokerReader::ask_position(std::uint32_t number) {
  Queue& queue = queues_[number];
  if (queue.from_time == 0 && topic_.has_been_up) {
    queue.from_time = topic_.started;
  }
  // Nobody wants to see what is older.
  const WallMs oldest = wall_ms() - topic_.max_replay_age - kClockMs;
  queue.is_bounded = queue.from_time != 0 && queue.from_time < oldest;
  queue.asks_for_start = queue.is_bounded && !queue.wanted;
  queue.from_time = queue.is_bounded && !queue.asks_for_start ? oldest : queue.from_time;
  queue.state = State::kAsking;
  const Request request = queue.from_time == 0 ? max_offset_request(topic_.topic, number)
                                               : offset_at_request(topic_.topic, number, queue.from_time);
  connection_.call({.kind = CallKind::kPosition, .queue = number}, request, {}, kAnswerMs);
}

void BrokerReader::on_position(Queue& queue, const Header& header) {
  const std::optional<std::int64_t> offset = header.integer("offset");
  if (header.code != answer::kOk || !offset || *offset < 0) {
    rest(queue, kErrorMs);
    set_problem(refusal("its offsets", name_, header));
    return;
  }
  if (queue.from_time == 0 && topic_.has_been_up) {
    return;  // asked before, answered after: what came in between would be missed
  }
  if (queue.asks_for_start) {
    queue.wanted = *offset;
    return;  // step() asks for what is not too old
  }
  queue.position = std::max(*offset, queue.at_least);
  if (queue.is_bounded && *offset > *queue.wanted) {
    events_.on_gap(fmt::format("{}: what came before {} is older than bus.max_replay_age and left out", queue.source,
                               *queue.position));
  } else if (*queue.position < queue.was_at) {
    events_.on_gap(
        fmt::format("{}: the topic was away, position {} is {} now", queue.source, queue.was_at, *queue.position));
  }
  queue.wanted.reset();
  queue.at_least = 0;
  queue.was_at = 0;
}

// For what was stored since the last answer. What the queue ended at stays known: a store that is another one by now is
// found out by the next pull.
void BrokerReader::look_again(Queue& queue, std::int64_t at_least) {
  queue.position.reset();
  queue.from_time = queue.answered_wall == 0 ? 0 : queue.answered_wall - kClockMs;
  queue.at_least = at_least;
  queue.wanted.reset();
  if (at_least > 0 || queue.was_at > 0) {
    queue.wanted = std::max(at_least, queue.was_at);
  }
}

void BrokerReader::pull(std::uint32_t number) {
  Queue& queue = queues_[number];
  queue.state = State::kPulling;
  // The first one is answered at once and shows that the queue can be read at all.
  const MonotonicMs suspend = queue.is_readable ? kSuspendMs : 0;
  const Request request =
      pull_request({.topic = topic_.topic, .queue = number, .offset = *queue.position, .suspend_ms = suspend});
  connection_.call({.kind = CallKind::kPull, .queue = number}, request, {}, queue.is_readable ? kPullMs : kAnswerMs);
}

void BrokerReader::on_pulled(Queue& queue, const Header& header, std::string_view body) {
  const std::optional<std::int64_t> next = header.integer("nextBeginOffset");
  const bool is_known = header.code == answer::kOk || header.code == answer::kPullNotFound ||
                        header.code == answer::kPullRetryNow || header.code == answer::kPullOffsetMoved;
  if (!is_known || !next || *next < 0) {
    on_pull_refused(queue, header);
    return;
  }
  const std::int64_t max = header.integer("maxOffset").value_or(queue.max);
  const std::int64_t position = *queue.position;
  if (max < queue.max) {
    // The store is another one, or has lost its end: numbers mean nothing any more, times do.
    events_.on_gap(fmt::format("{}: ends at {}, it was {} before", queue.source, max, queue.max));
    look_again(queue, 0);
  } else if (std::exchange(queue.was_missing, false)) {
    // It may have been made anew, and be longer than it was.
    queue.was_at = position;
    look_again(queue, 0);
  } else if (header.code == answer::kPullOffsetMoved) {
    events_.on_gap(
        fmt::format("{}: position {} is no longer there, reading goes on at {}", queue.source, position, *next));
    queue.position = *next;
  } else {
    queue.position = *next;
    hand_over(queue, header.code == answer::kOk ? body : std::string_view());
  }
  is_denied_ = queue.was_missing = false;
  queue.max = max;
  queue.answered_at = monotonic_ms();
  queue.answered_wall = wall_ms();
  if (!std::exchange(queue.is_readable, true)) {
    if (is_readable()) {
      problem_.clear();
    }
    events_.on_readable_changed();
  }
}

void BrokerReader::hand_over(const Queue& queue, std::string_view body) {
  MessageReader reader(body);
  while (const std::optional<Message> message = reader.next()) {
    // The broker compares hashes of tags, so others' messages may come along.
    if (property_of(message->properties, "TAGS") == kTag) {
      events_.on_record(message->body, queue.source);
    }
  }
  if (reader.failed()) {
    events_.on_gap(fmt::format("{}: a message before {} cannot be read", queue.source, *queue.position));
  }
}

void BrokerReader::on_pull_refused(Queue& queue, const Header& header) {
  switch (header.code) {
    case answer::kBusy:
      rest(queue, kBusyMs);
      return;
    case answer::kTopicMissing:
    case answer::kInvalidParameter:
      events_.on_route_doubt();
      rest(queue, kMissingMs);
      break;
    case answer::kNoPermission:
      events_.on_route_doubt();
      rest(queue, kErrorMs);
      break;
    default:
      rest(queue, kErrorMs);
  }
  is_denied_ = header.code == answer::kTopicMissing || header.code == answer::kInvalidParameter ||
               header.code == answer::kNoPermission;
  queue.was_missing = queue.was_missing || header.code == answer::kTopicMissing;
  queue.is_readable = false;
  problem_ = refusal("pulls", name_, header);
  events_.on_readable_changed();
}

}  // namespace pushwire::bus::rocketmq
