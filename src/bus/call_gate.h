// CallGate: lets calls of any thread in until it is closed, and then waits for those that are inside. For an object
// that must not be used any more from some moment on. Any thread. close() must not be called from inside.
#pragma once

#include <atomic>
#include <cstdint>

namespace pushwire::bus {

class CallGate {
 public:
  // Counted before the gate is looked at: either close() sees the call, or the call sees that the gate is closed.
  class Call {
   public:
    explicit Call(CallGate& gate) : gate_(gate) {
      gate_.calls_.fetch_add(1);
      open_ = gate_.open_.load();
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() {
      if (gate_.calls_.fetch_sub(1) == 1 && !gate_.open_.load()) {
        gate_.calls_.notify_all();
      }
    }
    explicit operator bool() const noexcept { return open_; }

   private:
    CallGate& gate_;
    bool open_ = false;
  };

  void open() noexcept { open_.store(true); }
  void close() noexcept {
    open_.store(false);
    for (std::uint32_t calls = calls_.load(); calls != 0; calls = calls_.load()) {
      calls_.wait(calls);
    }
  }
  bool is_open() const noexcept { return open_.load(); }

 private:
  std::atomic<bool> open_{false};
  std::atomic<std::uint32_t> calls_{0};
};

}  // namespace pushwire::bus
