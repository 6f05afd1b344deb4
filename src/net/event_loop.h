// EventLoop: one thread's epoll instance and the order of its turn.
//
//   poll -> ready sockets -> mailbox -> timers -> flush -> destroy the closed
//
// The loop owns the order; what the last four steps do is the TurnHandler's business (the worker). Thread: everything
// but wake() and request_stop() on the thread that runs it. Lifetime: outlives every handler registered with it.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "net/fd.h"
#include "net/io_handler.h"
#include "net/timer_wheel.h"

namespace pushwire::net {

// The steps of a turn that belong to the worker, called in this order once per turn.
class TurnHandler {
 public:
  virtual void drain_mail() = 0;
  virtual void on_timers(MonotonicMs now) = 0;
  virtual void flush() = 0;
  virtual void destroy_closed() = 0;
  // True when work waits that needs no event (a broadcast in slices): the next poll does not sleep.
  virtual bool has_work() const = 0;

 protected:
  ~TurnHandler() = default;
};

class EventLoop {
 public:
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Registers `fd` edge-triggered. `handler` must stay valid until the end of the turn in which remove() was called.
  // False when the kernel refuses (out of memory or watches): the caller closes the descriptor.
  [[nodiscard]] bool add(int fd, std::uint32_t events, IoHandler& handler);
  void modify(int fd, std::uint32_t events, IoHandler& handler);
  // Only for a descriptor that lives on elsewhere; close() alone unregisters it otherwise.
  void remove(int fd);

  // Calls handler.on_io(0) in the next turn: for who stopped before EAGAIN so that others get their share.
  void run_again(IoHandler& handler);
  // Forgets pending run_again() calls of a handler that is about to go.
  void cancel_run_again(const IoHandler& handler);
  // For a handler that goes at once, in whoever's callback: it is not called any more, neither for events of this turn
  // that others were served before nor by run_again(). Its descriptors are removed or closed by the caller.
  void forget(const IoHandler& handler);

  TimerWheel& timers() noexcept { return timers_; }
  // Milliseconds this loop was able to work. Unlike the monotonic clock it does not advance while the process was
  // stopped (SIGSTOP, suspended virtual machine), so that silence of our own is never taken for a client's.
  MonotonicMs now() const noexcept { return now_; }
  // Share of the last second that the loop spent working, 0 to 1.
  double busy_ratio() const noexcept { return busy_ratio_.load(std::memory_order_relaxed); }

  // Any thread: ends a sleeping poll.
  void wake() noexcept;
  // Any thread: whether it is the one that runs the loop.
  bool is_current() const noexcept { return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }
  // Any thread, also a signal handler: run() returns after the current turn.
  void request_stop() noexcept;

  void run(TurnHandler& turn);
  // One turn that sleeps at most `max_wait_ms` (0: not at all). For run() and tests.
  void turn(TurnHandler& turn, int max_wait_ms);

 private:
  static constexpr int kEventsPerPoll = 512;
  // A gap between two readings of the clock that no sleep explains counts as this at most.
  static constexpr MonotonicMs kLongestTurnMs = 250;

  // Only the thread that runs the loop may change what it watches; before run() nobody is asked.
  bool is_mine() const noexcept { return is_current() || owner_.load(std::memory_order_relaxed) == std::thread::id{}; }
  int wait_ms(const TurnHandler& turn, int max_wait_ms) const;
  void advance_clock(MonotonicMs slept_at_most);
  void account(std::int64_t before_poll, std::int64_t after_poll);

  Fd epoll_;
  Fd wakeup_;
  TimerWheel timers_;
  MonotonicMs now_ = 0;
  MonotonicMs last_real_ = 0;
  std::vector<IoHandler*> again_;
  std::vector<IoHandler*> running_again_;
  std::array<epoll_event, kEventsPerPoll> events_;  // of this turn: the first ready_
  int ready_ = 0;
  std::int64_t period_start_ns_ = 0;
  std::int64_t period_idle_ns_ = 0;
  std::atomic<double> busy_ratio_{0};
  std::atomic<std::thread::id> owner_{};
  std::atomic<bool> stop_{false};
};

}  // namespace pushwire::net
