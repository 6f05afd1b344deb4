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
    make_empty(head);
  }
  make_empty(due_);
}

TimerWheel::~TimerWheel() {
  const auto empty = [](Head& head) {
    while (head.next_ != &head) {
      head.next_->cancel();
    }
    head.next_ = nullptr;
    head.previous_ = nullptr;
  };
  std::for_each(slots_.begin(), slots_.end(), empty);
  empty(due_);
}

void TimerWheel::make_empty(Head& head) noexcept {
  head.next_ = &head;
  head.previous_ = &head;
}

void TimerWheel::link(Timer& head, Timer& timer) noexcept {
  timer.next_ = &head;
  timer.previous_ = head.previous_;
  head.previous_->next_ = &timer;
  head.previous_ = &timer;
}

void TimerWheel::arm(Timer& timer, MonotonicMs deadline) noexcept {
  timer.cancel();
  // Rounded up, and never the tick that is being looked at: a timer is never early.
  const auto tick = static_cast<std::uint32_t>(std::max<MonotonicMs>((deadline + kTickMs - 1) / kTickMs, 0));
  timer.tick_ = std::max(tick, current_ + 1);
  link(slots_[timer.tick_ % kSlots], timer);
}

// Requires: due_ is empty.
void TimerWheel::take_due(Head& slot) noexcept {
  if (slot.next_ == &slot) {
    return;
  }
  due_.next_ = slot.next_;
  due_.previous_ = slot.previous_;
  due_.next_->previous_ = &due_;
  due_.previous_->next_ = &due_;
  make_empty(slot);
}

void TimerWheel::expire(MonotonicMs now) {
  const auto target = static_cast<std::uint32_t>(now / kTickMs);
  // More when it lags behind: a worker whose turns are long must not fall behind for good, or clients would be taken
  // for dead because nobody came to ping them.
  std::uint32_t left = kMostPerCall * std::max(target - std::min(current_, target), 1U);
  while (true) {
    while (due_.next_ != &due_) {
      Timer& timer = *due_.next_;
      if (timer.tick_ > current_) {
        timer.cancel();
        link(slots_[current_ % kSlots], timer);  // one of a later round
        continue;
      }
      if (left-- == 0) {
        return;
      }
      timer.cancel();
      timer.on_timer(now);
    }
    if (current_ >= target) {
      return;
    }
    ++current_;
    take_due(slots_[current_ % kSlots]);
  }
}

int TimerWheel::ms_until_next(MonotonicMs now) const noexcept {
  if (due_.next_ != &due_) {
    return 0;
  }
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
