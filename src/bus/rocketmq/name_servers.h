// NameServers: asks name servers for the route of a topic, again and again, and the next one when one fails.
//
// They do not know of each other: that a topic is missing is believed when all of them say so. A route stays good
// however long they are away.
// Thread: the loop's. Lifetime: its events outlive it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bus/rocketmq/remoting_connection.h"
#include "bus/rocketmq/route.h"

namespace pushwire::bus::rocketmq {

class NameServerEvents {
 public:
  virtual void on_route(const Route& route) = 0;
  // No name server knows the topic. `makers`: brokers that would create one; empty: none does.
  virtual void on_topic_missing(const Route& makers) = 0;
  // None of them answers.
  virtual void on_no_name_server(std::string_view why) = 0;

 protected:
  ~NameServerEvents() = default;
};

class NameServers final : private ConnectionEvents, private net::Timer {
 public:
  // A node learns of a new broker or queue this late at most; what was sent there meanwhile it reads then.
  static constexpr MonotonicMs kRefreshMs = 5'000;
  static constexpr MonotonicMs kSoonMs = 1'000;

  // `servers` is not empty.
  NameServers(const Access& access, NameServerEvents& events, std::vector<net::Endpoint> servers, std::string topic);
  NameServers(const NameServers&) = delete;
  NameServers& operator=(const NameServers&) = delete;
  ~NameServers() override = default;

  void open();
  // The route may have changed: asks within a second.
  void refresh();
  void flush() { connection_.flush(); }
  void close();

 private:
  // ConnectionEvents
  void on_connected() override;
  void on_answer(CallId call, const Header& header, std::string_view body) override;
  void on_lost(std::string_view why) override;
  // net::Timer
  void on_timer(MonotonicMs now) override;

  void ask(CallKind kind, const std::string& topic);
  void ask_again_in(MonotonicMs delay);
  void use_next();
  void on_missing();

  const Access& access_;
  NameServerEvents& events_;
  const std::vector<net::Endpoint> servers_;
  const std::string topic_;
  RemotingConnection connection_;
  std::size_t current_ = 0;
  std::size_t silent_ = 0;   // servers in a row that did not answer
  std::size_t missing_ = 0;  // servers in a row that do not know the topic
  bool is_asking_ = false;
  MonotonicMs asks_at_ = 0;  // while armed
};

}  // namespace pushwire::bus::rocketmq
