#include "net/timer_wheel.h"

#include <algorithm>

namespace pushwire::net {

void Timer::cancel() noexcept {
  if (next_ == nullptr) {
    return;
  }
  next_->previous_ = previous_;
  previous_->next_ = next_;
  next_ = nullptr;
  previous_ = nullptr;
}

TimerWheel::TimerWheel() noexcept {
  for (Head& head : slots_) {
    head.next_ = &head;
    head.previous_ = &head;
  }
}

TimerWheel::~TimerWheel() {
  for (Head& head : slots_) {
    while (head.next_ != &head) {
      head.next_->cancel();
    }
    head.next_ = nullptr;
    head.previous_ = nullptr;
  }
}

void TimerWheel::link(Timer& head, Timer& timer) noexcept {
  timer.next_ = &head;
  timer.previous_ = head.previous_;
  head.previous_->next_ = &timer;
  head.previous_ = &timer;
}

void TimerWheel::arm(Timer& timer, MonotonicMs deadline) noexcept {
  timer.cancel();
  // Rounded up, and never the tick that is being looked at: a timer is late by less than a tick, never early.
  const auto tick = static_cast<std::uint32_t>(std::max<MonotonicMs>((deadline + kTickMs - 1) / kTickMs, 0));
  timer.tick_ = std::max(tick, current_ + 1);
  link(slots_[timer.tick_ % kSlots], timer);
}

void TimerWheel::expire(MonotonicMs now) {
  const auto target = static_cast<std::uint32_t>(now / kTickMs);
  while (current_ < target) {
    ++current_;
    // The list is taken off first, so that what is armed meanwhile waits for its own turn. It hangs on a head of its
    // own: timers may cancel or destroy each other while it is walked.
    Head& slot = slots_[current_ % kSlots];
    if (slot.next_ == &slot) {
      continue;
    }
    Head due;
    due.next_ = slot.next_;
    due.previous_ = slot.previous_;
    due.next_->previous_ = &due;
    due.previous_->next_ = &due;
    slot.next_ = &slot;
    slot.previous_ = &slot;
    while (due.next_ != &due) {
      Timer& timer = *due.next_;
      timer.cancel();
      if (timer.tick_ > current_) {
        link(slot, timer);  // one of a later round
      } else {
        timer.on_timer(now);
      }
    }
    due.next_ = nullptr;
    due.previous_ = nullptr;
  }
}

int TimerWheel::ms_until_next(MonotonicMs now) const noexcept {
  std::uint32_t ahead = 1;
  while (ahead < kLookAheadTicks) {
    const Head& slot = slots_[(current_ + ahead) % kSlots];
    if (slot.next_ != &slot) {
      break;
    }
    ++ahead;
  }
  const MonotonicMs due = (static_cast<MonotonicMs>(current_) + ahead) * kTickMs;
  return static_cast<int>(std::clamp<MonotonicMs>(due - now, 0, kLookAheadTicks * kTickMs));
}

}  // namespace pushwire::net
