// RemoteBus: a bus with real servers behind it. It is the same for all of them but for the Link that carries records.
//
//   publish() --encode--> inbox --number--> unconfirmed --Link--> server --Link--> decode --seen before?--> sink
//
// Out: an envelope waits here until the server has it, is sent again when the link was lost, and is given up after
// bus.publish_timeout. In: what came before is left out by its number, what never came is counted (SequenceTracker),
// and what the node has no room for waits here while the link pauses.
// Threads: publish(), health(), counters() on any; the link, the sink's and the listener's calls on one of its own,
// "bus". Lifetime: start() once, stop() at the latest in the destructor.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/quiet_log.h"
#include "bus/bus.h"
#include "bus/call_gate.h"
#include "bus/envelope_codec.h"
#include "bus/link.h"
#include "bus/pace.h"
#include "bus/replay_bounds.h"
#include "bus/sequence_tracker.h"
#include "bus/settings.h"
#include "net/event_loop.h"
#include "net/mailbox.h"

namespace pushwire::bus {

using LinkFactory = std::function<std::unique_ptr<Link>(net::EventLoop&, LinkEvents&, const Settings&)>;

class RemoteBus final : public Bus, private LinkEvents, private net::TurnHandler, private net::Timer {
 public:
  // What may wait here for the server, and what for the node's own workers; each.
  static constexpr std::size_t kMostWaitingBytes = std::size_t{64} << 20;

  // `name` as bus.kind spells it; `node` is this node's name.
  RemoteBus(std::string_view name, const Settings& settings, std::string_view node, const LinkFactory& make_link);
  RemoteBus(const RemoteBus&) = delete;
  RemoteBus& operator=(const RemoteBus&) = delete;
  ~RemoteBus() override;

  std::string_view name() const noexcept override { return name_; }
  Result<> start(EnvelopeSink& sink, PublishListener& listener) override;
  std::optional<PublishOutcome> publish(Envelope&& envelope, PublishTicket ticket) override;
  Health health() const override;
  Capabilities capabilities() const override { return link_->capabilities(); }
  std::size_t largest_record() const noexcept override { return largest_.load(std::memory_order_relaxed); }
  const BusCounters& counters() const noexcept override { return counters_; }
  void stop() override;

 private:
  struct Outgoing {
    PublishTicket ticket;
    std::string record;               // without its number; empty for a control envelope
    std::optional<Envelope> control;  // encoded when it goes out: it says what was refused until then
    std::uint64_t lane = 0;
    std::size_t reserved = 0;
  };
  enum class SendState : std::uint8_t { kWaiting, kSent, kDone };
  // Given to publish() and not confirmed yet.
  struct Unconfirmed {
    PublishTicket ticket;
    std::string record;
    std::uint64_t lane = 0;
    std::uint64_t number = 0;  // 0: a control record, whose outcome nobody waits for
    std::size_t reserved = 0;
    MonotonicMs deadline = 0;
    SendState state = SendState::kWaiting;
  };

  // LinkEvents
  void on_up() override;
  void on_down(std::string_view reason) override;
  void on_record(std::string_view bytes, std::string_view source) override;
  void on_sent(std::uint64_t serial, SendResult result) override;
  void on_gap(std::string_view reason) override;
  // net::TurnHandler
  void drain_mail() override;
  void on_timers(MonotonicMs now) override;
  void flush() override;
  void destroy_closed() override;
  bool has_work() const override { return inbox_.has_mail(); }
  // net::Timer
  void on_timer(MonotonicMs now) override;

  void run();
  void take(Outgoing&& outgoing);
  void send(Unconfirmed& record, std::uint64_t serial);
  void send_waiting();
  void settle(Unconfirmed& record, PublishOutcome outcome);
  void release(std::size_t reserved);
  void drop_settled();
  void expire(MonotonicMs now);
  void refuse_number(std::uint64_t number, MonotonicMs now);
  std::vector<NumberRange> refused_lately(MonotonicMs now);
  void look_within(MonotonicMs ms);
  void skip_unreadable(const RecordFault& fault, std::string_view source);
  void hear_control(DecodedRecord&& record);
  bool is_stale(const Envelope& envelope);
  bool offer(Envelope& envelope);
  void hand_over(Envelope&& envelope);
  void hand_over_waiting();
  void count_missed();

  const std::string name_;
  const std::string node_;
  const Settings settings_;
  const std::uint64_t run_id_;
  net::EventLoop loop_;
  net::Mailbox<Outgoing> inbox_;
  BusCounters counters_;
  CallGate gate_;
  std::atomic<bool> up_{false};
  std::atomic<MonotonicMs> down_since_{0};
  std::atomic<std::size_t> largest_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex reason_mutex_;
  std::string reason_ = "the bus has not been started";  // guarded by reason_mutex_

  // The bus thread's own.
  EnvelopeSink* sink_ = nullptr;
  PublishListener* listener_ = nullptr;
  std::uint64_t next_number_ = 1;
  std::uint64_t first_serial_ = 1;  // of unconfirmed_.front()
  std::deque<Unconfirmed> unconfirmed_;
  bool send_again_ = false;  // something waits though the link is up
  struct Refused {
    NumberRange range;
    MonotonicMs since;
  };
  std::deque<Refused> refused_;
  MonotonicMs look_at_ = 0;  // when the timer is due, if it is armed
  SequenceTracker tracker_;
  // The time of the turn's first record: the others came with it, and to read the clock costs as much as to decode one.
  std::int64_t turn_ns_ = 0;
  WallMs turn_wall_ = 0;
  std::uint64_t turn_records_ = 0;  // that came or went in this turn
  Pace pace_;
  std::deque<Envelope> backlog_;  // that the sink has no room for
  std::size_t backlog_bytes_ = 0;
  bool backlog_overflowed_ = false;  // something was lost since it was last empty
  bool was_up_ = false;
  bool replay_bounded_ = false;  // a gap for what is stale was counted since the bus came back
  ReplayBounds bounds_;
  std::map<std::string, QuietLog, std::less<>> unreadable_log_;  // by source
  QuietLog missed_log_;

  std::unique_ptr<Link> link_;
  std::thread thread_;
};

}  // namespace pushwire::bus
