// TopicCreator: creates our topic at brokers that say that they do not have it.
//
// It asks each of them with a pull first: to create a topic that is there would change its number of queues.
// Thread: the loop's. Lifetime: its events outlive it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bus/rocketmq/broker_events.h"
#include "bus/rocketmq/route.h"

namespace pushwire::bus::rocketmq {

class CreatorEvents {
 public:
  // Every broker was asked. `problem`: why the topic has no route yet, naming the setting.
  virtual void on_asked(std::string_view problem) = 0;

 protected:
  ~CreatorEvents() = default;
};

class TopicCreator final : private ConnectionEvents {
 public:
  static constexpr int kQueues = 8;

  TopicCreator(const TopicAccess& topic, CreatorEvents& events);
  TopicCreator(const TopicCreator&) = delete;
  TopicCreator& operator=(const TopicCreator&) = delete;
  ~TopicCreator() = default;

  // Begins, unless it is at it. Requires: `brokers` is not empty.
  void create_at(const std::vector<BrokerRoute>& brokers);
  void flush() { connection_.flush(); }
  void close() { connection_.close(); }

 private:
  // ConnectionEvents
  void on_connected() override;
  void on_answer(CallId call, const Header& header, std::string_view body) override;
  void on_lost(std::string_view why) override;

  void go_on(std::string problem);

  const TopicAccess& topic_;
  CreatorEvents& events_;
  RemotingConnection connection_;
  std::vector<BrokerRoute> brokers_;
  std::size_t current_ = 0;
  std::string problem_;
};

}  // namespace pushwire::bus::rocketmq
