// BrokerWriter: sends records to the queues of our topic at one broker, over a connection of its own.
//
// It is ready when a message of another tag, which no node reads, was stored: only that shows that the broker takes
// messages, of this node, now. A broker that refuses everything (rights, a full disk) is asked so again and again.
// Thread: the loop's. Lifetime: its events outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bus/rocketmq/broker_events.h"
#include "bus/rocketmq/send_queue.h"

namespace pushwire::bus::rocketmq {

class BrokerWriter final : private ConnectionEvents, private net::Timer {
 public:
  // How often it is asked for an answer: a frozen broker is found out, and the connection is never idle.
  static constexpr MonotonicMs kKeepAliveMs = 5'000;

  BrokerWriter(const TopicAccess& topic, BrokerEvents& events, std::string name);
  BrokerWriter(const BrokerWriter&) = delete;
  BrokerWriter& operator=(const BrokerWriter&) = delete;
  ~BrokerWriter() override = default;

  // Writes to queues 0 to `queues` - 1 there from now on.
  void set_route(const net::Endpoint& endpoint, std::uint32_t queues);
  std::uint32_t queues() const noexcept { return writable_; }
  bool is_ready() const noexcept { return is_ready_ && writable_ > 0; }
  // Nothing waits for an answer.
  bool is_idle() const noexcept;
  // Why not ready, for an operator.
  std::string problem() const;
  // Requires: is_ready(), queue < queues(). Goes out with flush().
  void send(std::uint32_t queue, std::uint64_t number, std::string_view record);
  void flush();
  void close();
  std::size_t waiting_bytes() const noexcept;

 private:
  // ConnectionEvents
  void on_connected() override;
  void on_answer(CallId call, const Header& header, std::string_view body) override;
  void on_lost(std::string_view why) override;
  // net::Timer
  void on_timer(MonotonicMs now) override;

  void probe();
  void on_probed(const Header& header);
  void on_stored(SendQueue& queue, const Header& header);
  void give_back(SendQueue& queue);
  void give_all_back();
  void stop_sending(const Header& header);

  const TopicAccess& topic_;
  BrokerEvents& events_;
  const std::string name_;
  RemotingConnection connection_;
  std::vector<SendQueue> queues_;
  std::uint32_t writable_ = 0;
  bool is_ready_ = false;
  bool is_probing_ = false;
  std::string problem_;
};

}  // namespace pushwire::bus::rocketmq
