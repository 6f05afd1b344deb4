// ZNodeCleaner: which records nobody can want any more. A node takes away what it made itself, and now and then looks
// for what nodes have left behind that are gone.
// Thread: the loop's. Bounded by what the node makes in `kept_ms` and kSweptAtOnce.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "bus/zookeeper/znode_tree.h"

namespace pushwire::bus {

class ZNodeCleaner {
 public:
  static constexpr MonotonicMs kSweepEveryMs = 30'000;  // with up to as much again at random
  static constexpr std::size_t kSweptAtOnce = 5'000;
  static constexpr std::size_t kRemovedAtOnce = 500;

  // `folder` ends with a slash. A record is kept for `kept_ms`.
  ZNodeCleaner(std::string folder, MonotonicMs kept_ms) : folder_(std::move(folder)), kept_ms_(kept_ms) {}

  // This node's own.
  void made(std::int32_t number, MonotonicMs now) { own_.push_back({number, now + kept_ms_}); }
  // The last number that had been given at this time. Those up to it are old `kept_ms` later.
  void last_was(std::int32_t number, MonotonicMs now);
  // The folder counts from the beginning again: what is known of numbers would be said of other records.
  void forget() noexcept;

  // Asks for what is old to be removed, some at a time.
  void remove_old(ZNodeTree& tree, MonotonicMs now);
  // Whether it is time to list the folder for on_swept(). Then not again for a while.
  bool is_sweep_due(MonotonicMs now);
  void on_swept(const std::vector<std::string>& names, MonotonicMs now);

 private:
  struct Own {
    std::int32_t number;
    MonotonicMs until;
  };
  struct Last {
    std::int32_t number;
    MonotonicMs at;
  };

  const std::string folder_;
  const MonotonicMs kept_ms_;
  std::deque<Own> own_;    // made by this node, or left by one that is gone: to be removed
  std::deque<Last> last_;  // the first is the latest that is old
  MonotonicMs sweep_at_ = 0;
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace pushwire::bus
