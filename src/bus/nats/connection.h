// Connection: one NATS connection on the bus's event loop. Reads when the socket has something, writes at the end of
// the turn, and asks the server whether it is there.
//
// ask() sends an empty message to a subject that only this connection listens to. The server works through what a
// connection sends in order, so when it comes back everything that was sent before has been handled: the same proof
// that a PONG gives, without the library's call that blocks until the PONG is there.
//
// Thread: the loop's. Lifetime: after on_lost() only close(), and the destructor, which may not run inside a call to
// the owner nor before the end of the loop's turn.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "bus/nats/connector.h"
#include "net/event_loop.h"

namespace pushwire::bus::nats {

class Connection;

class ConnectionOwner {
 public:
  // What came for subscribe()'s subject.
  virtual void on_data(Connection& connection, natsMsg& message) = 0;
  // The same, but the library keeps it to itself: it looks like the server's word that a request found nobody, which
  // anybody may send.
  virtual void on_swallowed(Connection& connection) = 0;
  // What came for inbox(name); not the answers to ask().
  virtual void on_inbox(Connection& connection, std::string_view name, std::string_view body) = 0;
  virtual void on_answer(Connection& connection, std::uint64_t tag) = 0;
  // A request found nobody who answers.
  virtual void on_nobody(Connection& connection) = 0;
  // `text` is what the library says about it.
  virtual void on_lost(Connection& connection, natsStatus status, std::string_view text) = 0;

 protected:
  ~ConnectionOwner() = default;
};

class Connection final : private net::IoHandler {
 public:
  // How long the server may be silent before it is asked, and how long it may take to answer. Together below 10 s, and
  // long enough that a server which stood still for 5 s has lost nobody.
  static constexpr MonotonicMs kSilenceMs = 3'000;
  static constexpr MonotonicMs kAnswerMs = 6'000;

  Connection(net::EventLoop& loop, ConnectionOwner& owner, Opened&& opened, bool tls);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Watches the socket and listens to the inbox. An error is for the log.
  Result<> open();
  // Requires: not called before.
  Result<> subscribe(const std::string& subject);
  // A subject whose messages come to on_inbox(`name`).
  std::string inbox(std::string_view name) const { return inbox_ + std::string(name); }
  // Where a subscription's messages may be sent by a stream: subscribe() to it.
  std::string private_subject() const { return inbox_ + "data.1"; }

  // False when it cannot be sent any more: the connection is lost, and on_lost() comes with the next turn.
  bool publish(const std::string& subject, std::string_view bytes);
  bool request(const std::string& subject, const std::string& reply, std::string_view bytes);
  bool publish(MessagePtr message);
  // Answered by on_answer(tag), in order.
  void ask(std::uint64_t tag);
  // The same unless an answer is due already; only unanswered_for() tells.
  void ask_for_life();

  // Sends what was published.
  void flush();
  void pause();
  void resume();
  // Asks when it was quiet for long; on_lost() when nobody answers. Call it at least each second.
  void check(MonotonicMs now);
  // How long the oldest question has waited for its answer; 0: there is none.
  MonotonicMs unanswered_for(MonotonicMs now) const noexcept;
  void close();

  bool closed() const noexcept { return closed_; }
  const std::string& server() const noexcept { return opened_.server; }
  std::size_t largest_payload() const noexcept;
  // What was published and the kernel has not taken yet: the caller's limit looks here.
  std::size_t waiting_bytes() const noexcept;

 private:
  struct Question {
    std::uint64_t tag;
    MonotonicMs asked;
  };
  static constexpr int kReadsPerTurn = 8;
  static constexpr std::uint64_t kNoTag = ~std::uint64_t{0};

  void on_io(std::uint32_t events) override;
  void read();
  bool has_input();
  bool is_sound();
  void hand_over();
  bool hand_over(natsSubscription& from);
  void handle(natsMsg& message, bool is_data);
  void lose(natsStatus status, std::string_view text);
  bool sent(natsStatus status);
  bool hold(const std::string& subject, const char* reply, std::string_view bytes);
  void write();
  void write_held();

  net::EventLoop& loop_;
  ConnectionOwner& owner_;
  Opened opened_;
  const bool tls_;
  std::string inbox_;
  std::string question_subject_;
  SubscriptionPtr inbox_subscription_;
  SubscriptionPtr data_subscription_;
  std::deque<Question> questions_;
  std::deque<MessagePtr> held_;  // TLS only
  std::size_t held_bytes_ = 0;
  MonotonicMs heard_at_ = 0;
  MonotonicMs moved_at_ = 0;  // when something of a backlog went out
  bool watched_ = false;
  bool hung_up_ = false;
  bool no_room_ = false;  // the socket takes no more for now
  bool paused_ = false;
  bool broken_ = false;  // a call failed: on_lost() is due
  bool closed_ = false;
};

}  // namespace pushwire::bus::nats
