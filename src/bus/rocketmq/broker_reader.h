// BrokerReader: reads all queues of our topic at one broker, over a connection of its own.
//
// Each queue has its own position and one pull at a time:
//
//   no position --kPosition--> position --kPull, answered at once--> readable --kPull, held by the broker--> …
//
// The broker keeps nothing about us, so every node gets everything. Positions outlive connections and the broker's
// absence from the route: what came meanwhile is read when it is back.
// Thread: the loop's. Lifetime: its events outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/rocketmq/broker_events.h"

namespace pushwire::bus::rocketmq {

class BrokerReader final : private ConnectionEvents, private net::Timer {
 public:
  // The broker holds a pull so long while nothing comes, and up to 5 s more.
  static constexpr MonotonicMs kSuspendMs = 15'000;
  static constexpr MonotonicMs kPullMs = 30'000;

  BrokerReader(const TopicAccess& topic, BrokerEvents& events, std::string name);
  BrokerReader(const BrokerReader&) = delete;
  BrokerReader& operator=(const BrokerReader&) = delete;
  ~BrokerReader() override = default;

  // Reads queues 0 to `queues` - 1 there from now on.
  void set_route(const net::Endpoint& endpoint, std::uint32_t queues);
  void pause() { paused_ = true; }
  void resume();
  // Finds out soon whether the broker still answers.
  void check();
  void flush() { connection_.flush(); }
  void close();

  bool is_connected() const noexcept { return connection_.is_connected(); }
  // Every queue has a position and has been read since the connection came up. Also while pausing.
  bool is_readable() const noexcept;
  // The broker has said that it does not hold the topic, or not for us.
  bool is_denied() const noexcept { return is_denied_; }
  // Why not, for an operator.
  std::string problem() const;

 private:
  enum class State : std::uint8_t { kResting, kAsking, kPulling };
  struct Queue {
    State state = State::kResting;
    bool is_read = false;      // the route has it
    bool is_readable = false;  // it was pulled from on this connection
    std::optional<std::int64_t> position;
    // Where to look for a position when there is none: 0, at the end; else what was stored from then on.
    WallMs from_time = 0;
    bool is_bounded = false;      // from_time is bus.max_replay_age ago, and should have been earlier
    bool asks_for_start = false;  // under way: where began what this node should have got?
    // The position that is looked for again, or what that question found: a later one leaves out what is between.
    std::optional<std::int64_t> wanted;
    std::int64_t at_least = 0;  // a position that was found so is not less
    std::int64_t was_at = 0;    // the position before the topic was away
    bool was_missing = false;   // the broker did not know the topic when it was asked last
    std::int64_t max = 0;       // as of the last pull
    MonotonicMs answered_at = 0;
    WallMs answered_wall = 0;
    MonotonicMs not_before = 0;  // the next call
    std::string source;          // "broker-a/3"
  };

  // ConnectionEvents
  void on_connected() override;
  void on_answer(CallId call, const Header& header, std::string_view body) override;
  void on_lost(std::string_view why) override;
  // net::Timer
  void on_timer(MonotonicMs now) override;

  void step(std::uint32_t number);
  void step_all();
  void ask_position(std::uint32_t number);
  void pull(std::uint32_t number);
  void on_position(Queue& queue, const Header& header);
  void on_pulled(Queue& queue, const Header& header, std::string_view body);
  void on_pull_refused(Queue& queue, const Header& header);
  void look_again(Queue& queue, std::int64_t at_least);
  void hand_over(const Queue& queue, std::string_view body);
  void rest(Queue& queue, MonotonicMs delay);
  void set_problem(std::string problem);

  const TopicAccess& topic_;
  BrokerEvents& events_;
  const std::string name_;
  RemotingConnection connection_;
  std::vector<Queue> queues_;
  bool paused_ = false;
  MonotonicMs wakes_at_ = 0;  // while armed
  bool is_denied_ = false;    // by the last pull that was answered
  MonotonicMs lost_at_ = 0;   // 0: not since it was connected last
  std::string problem_ = "not connected yet";
};

}  // namespace pushwire::bus::rocketmq
