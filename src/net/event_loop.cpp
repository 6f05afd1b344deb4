#include "net/event_loop.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace pushwire::net {
namespace {

constexpr std::int64_t kBusyPeriodNs = 1'000'000'000;

// Takes the events of handlers that have gone.
struct Nobody final : IoHandler {
  void on_io(std::uint32_t) override {}
};

}  // namespace

EventLoop::EventLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), wakeup_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  PW_CHECK(epoll_ && wakeup_);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;  // the one registration without a handler
  PW_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup_.get(), &event) == 0);
  last_real_ = monotonic_ms();
  period_start_ns_ = monotonic_ns();
}

bool EventLoop::add(int fd, std::uint32_t events, IoHandler& handler) {
  PW_CHECK(is_mine());
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.ptr = &handler;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::modify(int fd, std::uint32_t events, IoHandler& handler) {
  PW_CHECK(is_mine());
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.ptr = &handler;
  PW_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void EventLoop::remove(int fd) {
  PW_CHECK(is_mine());
  PW_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0);
}

void EventLoop::run_again(IoHandler& handler) {
  PW_CHECK(is_mine());
  again_.push_back(&handler);
}

void EventLoop::cancel_run_again(const IoHandler& handler) {
  std::erase(again_, &handler);
  std::replace(running_again_.begin(), running_again_.end(), const_cast<IoHandler*>(&handler),
               static_cast<IoHandler*>(nullptr));
}

void EventLoop::forget(const IoHandler& handler) {
  static Nobody nobody;
  cancel_run_again(handler);
  for (int i = 0; i < ready_; ++i) {
    if (epoll_event& event = events_[static_cast<std::size_t>(i)]; event.data.ptr == &handler) {
      event.data.ptr = &nobody;
    }
  }
}

void EventLoop::wake() noexcept {
  // The counter may not overflow and the descriptor is ours: a failed write can only mean "already awake".
  [[maybe_unused]] const int written = eventfd_write(wakeup_.get(), 1);
}

void EventLoop::request_stop() noexcept {
  stop_.store(true, std::memory_order_release);
  wake();
}

void EventLoop::run(TurnHandler& turn_handler) {
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (!stop_.load(std::memory_order_acquire)) {
    turn(turn_handler, -1);
  }
  owner_.store(std::thread::id{}, std::memory_order_relaxed);
}

int EventLoop::wait_ms(const TurnHandler& turn_handler, int max_wait_ms) const {
  if (!again_.empty() || turn_handler.has_work()) {
    return 0;
  }
  const int until_timer = timers_.ms_until_next(now_);
  return max_wait_ms < 0 ? until_timer : std::min(until_timer, max_wait_ms);
}

void EventLoop::advance_clock(MonotonicMs slept_at_most) {
  const MonotonicMs real = monotonic_ms();
  now_ += std::min(real - last_real_, slept_at_most + kLongestTurnMs);
  last_real_ = real;
}

void EventLoop::account(std::int64_t before_poll, std::int64_t after_poll) {
  period_idle_ns_ += after_poll - before_poll;
  const std::int64_t length = after_poll - period_start_ns_;
  if (length >= kBusyPeriodNs) {
    const double idle = static_cast<double>(period_idle_ns_) / static_cast<double>(length);
    busy_ratio_.store(std::clamp(1.0 - idle, 0.0, 1.0), std::memory_order_relaxed);
    period_start_ns_ = after_poll;
    period_idle_ns_ = 0;
  }
}

void EventLoop::turn(TurnHandler& turn_handler, int max_wait_ms) {
  advance_clock(0);
  const int wait = wait_ms(turn_handler, max_wait_ms);
  running_again_.swap(again_);  // now, so that who asks in this turn waits for the next one
  const std::int64_t before = monotonic_ns();
  const int ready = epoll_wait(epoll_.get(), events_.data(), kEventsPerPoll, wait);
  account(before, monotonic_ns());
  PW_CHECK(ready >= 0 || errno == EINTR);
  advance_clock(wait);

  ready_ = std::max(ready, 0);
  for (int i = 0; i < ready_; ++i) {
    const epoll_event event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) {
      eventfd_t ignored;
      (void)eventfd_read(wakeup_.get(), &ignored);  // only resets it; the mail is looked at in any case
    } else {
      static_cast<IoHandler*>(event.data.ptr)->on_io(event.events);
    }
  }
  ready_ = 0;
  // By index: a handler may take others, or itself, out of the list while it runs.
  for (std::size_t i = 0; i < running_again_.size(); ++i) {
    if (IoHandler* handler = running_again_[i]; handler != nullptr) {
      handler->on_io(0);
    }
  }
  running_again_.clear();

  turn_handler.drain_mail();
  turn_handler.on_timers(now_);
  turn_handler.flush();
  turn_handler.destroy_closed();
}

}  // namespace pushwire::net
