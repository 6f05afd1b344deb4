// What the reader and the writer of a broker share: what they are to do, and whom they tell.
// Thread: the loop's. Outlive all readers and writers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "bus/link.h"
#include "bus/rocketmq/remoting_connection.h"

namespace pushwire::bus::rocketmq {

struct TopicAccess : Access {
  std::string topic;
  MonotonicMs max_replay_age = 0;
  WallMs started = 0;
  // From the first time on that everything could be read. A queue that appears later is read from `started` on, not
  // from its end: it may hold what was published meanwhile.
  bool has_been_up = false;
};

class BrokerEvents {
 public:
  virtual void on_record(std::string_view bytes, std::string_view source) = 0;
  virtual void on_gap(std::string_view reason) = 0;
  virtual void on_sent(std::uint64_t number, SendResult result) = 0;
  // What the broker says does not fit the route.
  virtual void on_route_doubt() = 0;
  // Whether one can read here may have changed, or why not.
  virtual void on_readable_changed() = 0;
  virtual void on_writable_changed() = 0;
  // The writer's connection was lost: the reader's may be as dead.
  virtual void on_writer_lost(std::string_view broker) = 0;

 protected:
  ~BrokerEvents() = default;
};

constexpr MonotonicMs kAnswerMs = 3'000;

// "bus.rocketmq.secret_key: broker broker-a refuses pulls: code 16 (check signature failed)": with the setting that is
// likely to blame, if it is one of ours.
std::string refusal(std::string_view what, std::string_view broker, const Header& header);
// "broker-a at 127.0.0.1:10911 is away: …", with the setting that is likely to blame.
std::string absence(std::string_view broker, const net::Endpoint& endpoint, std::string_view why);
// What to look at when a connection ended like this.
std::string_view setting_for_loss(std::string_view why) noexcept;

}  // namespace pushwire::bus::rocketmq
