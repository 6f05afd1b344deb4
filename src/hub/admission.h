// Admission: how many clients the node holds or has let in, against client.max_connections. Exact across workers: a
// place is taken before the client moves to its home worker and given back when its session leaves the tables.
// Any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace pushwire::hub {

class Admission {
 public:
  // `limit` 0: no limit. True takes a place, which leave() gives back.
  [[nodiscard]] bool enter(std::uint64_t limit) noexcept {
    const std::uint64_t before = count_.fetch_add(1, std::memory_order_relaxed);
    if (limit != 0 && before >= limit) {
      leave();
      return false;
    }
    return true;
  }
  void leave() noexcept { count_.fetch_sub(1, std::memory_order_release); }
  bool empty() const noexcept { return count_.load(std::memory_order_acquire) == 0; }
  bool full(std::uint64_t limit) const noexcept {
    return limit != 0 && count_.load(std::memory_order_relaxed) >= limit;
  }

 private:
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace pushwire::hub
