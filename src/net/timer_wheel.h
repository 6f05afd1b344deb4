// TimerWheel: coarse deadlines for very many owners, 16 bytes of links and one deadline each.
//
// A hashed wheel of kSlots lists. A timer is put into the list of its deadline's tick; a deadline more than one
// round away passes its list again and again (it is put back until it is due). Owners that are touched often do not
// re-arm: they let the timer fire, look at their own clock and arm it anew ("lazy"), so that a busy connection costs
// one wheel operation per heartbeat, not one per message.
//
// Very many may be due in one tick (all who came back at once after a restart): each call fires a bounded number, and
// the rest at once in the next turn, so that no burst of heartbeats holds the loop. Each tick that it lags behind adds
// to that number. Thread: the loop's. Lifetime: a Timer unlinks itself when destroyed; it must not move while armed.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"

namespace pushwire::net {

class TimerWheel;

class Timer {
 public:
  Timer() noexcept = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool armed() const noexcept { return next_ != nullptr; }
  // Takes it out of its wheel, if it is in one.
  void cancel() noexcept;

 protected:
  virtual ~Timer() { cancel(); }  // virtual only because a friend could delete through it

 private:
  friend class TimerWheel;
  virtual void on_timer(MonotonicMs now) = 0;

  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
  std::uint32_t tick_ = 0;
};

class TimerWheel {
 public:
  static constexpr MonotonicMs kTickMs = 128;
  static constexpr std::uint32_t kLookAheadTicks = 8;
  static constexpr std::uint32_t kSlots = 512;  // one round is 65.5 s: a heartbeat is rarely put back

  TimerWheel() noexcept;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  // What one call of expire() fires: about 1 ms when each sends a ping (docs/performance.md).
  static constexpr std::uint32_t kMostPerCall = 64;

  // Arms or re-arms: fires in an expire() at or after `deadline`, at most one tick late unless more than kMostPerCall
  // are due together. Never early.
  void arm(Timer& timer, MonotonicMs deadline) noexcept;
  // Calls on_timer() of what is due, of kMostPerCall timers at most for each tick passed. A timer may arm or cancel
  // itself and others, and destroy itself.
  void expire(MonotonicMs now);
  // Milliseconds until the next tick that has a timer in its list, looking at most kLookAheadTicks ahead; 0 when
  // expire() has left something over.
  int ms_until_next(MonotonicMs now) const noexcept;

 private:
  struct Head final : Timer {
    void on_timer(MonotonicMs) override {}
  };
  static void link(Timer& head, Timer& timer) noexcept;
  static void make_empty(Head& head) noexcept;
  void take_due(Head& slot) noexcept;

  std::array<Head, kSlots> slots_;
  // The list of tick current_ while it is walked: taken off its slot, so that what is armed meanwhile waits for its own
  // turn, and hung on a head of its own, since timers may cancel or destroy each other.
  Head due_;
  std::uint32_t current_ = 0;  // the last tick whose list was looked at
};

}  // namespace pushwire::net
