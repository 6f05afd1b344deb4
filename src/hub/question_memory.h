// QuestionMemory: which questions of other nodes were heard lately, so that one that the bus hands over twice is
// carried out once: a second kick would close whoever has connected since. Bounded: whoever asks more than kMost
// questions while one is young enough to be carried out is not protected. Thread: one at a time (Cluster locks). A
// value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <utility>

#include "base/clock.h"

namespace pushwire::hub {

class QuestionMemory {
 public:
  static constexpr std::size_t kMost = 16'384;

  explicit QuestionMemory(MonotonicMs keep) : keep_(keep) {}

  // True the first time that the question `number` of the node `run` is heard.
  bool is_new(std::uint64_t run, std::uint64_t number, MonotonicMs now) {
    while (!order_.empty() && (order_.size() >= kMost || now - order_.front().second > keep_)) {
      known_.erase(order_.front().first);
      order_.pop_front();
    }
    const Name name{run, number};
    if (!known_.insert(name).second) {
      return false;
    }
    order_.emplace_back(name, now);
    return true;
  }
  std::size_t size() const noexcept { return order_.size(); }

 private:
  using Name = std::pair<std::uint64_t, std::uint64_t>;

  const MonotonicMs keep_;
  std::set<Name> known_;
  std::deque<std::pair<Name, MonotonicMs>> order_;
};

}  // namespace pushwire::hub
