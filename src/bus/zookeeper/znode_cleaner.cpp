#include "bus/zookeeper/znode_cleaner.h"

#include <optional>

#include "bus/zookeeper/sequence_name.h"

namespace pushwire::bus {

void ZNodeCleaner::last_was(std::int32_t number, MonotonicMs now) {
  last_.push_back({number, now});
  while (last_.size() > 1 && last_[1].at <= now - kept_ms_) {
    last_.pop_front();
  }
}

void ZNodeCleaner::forget() noexcept {
  own_.clear();
  last_.clear();
}

void ZNodeCleaner::remove_old(ZNodeTree& tree, MonotonicMs now) {
  for (std::size_t i = 0; i < kRemovedAtOnce && !own_.empty() && own_.front().until <= now; ++i) {
    (void)tree.remove(folder_ + znode_name(own_.front().number), 0);  // what is still there is found by a sweep
    own_.pop_front();
  }
}

bool ZNodeCleaner::is_sweep_due(MonotonicMs now) {
  if (sweep_at_ == 0) {
    sweep_at_ = now + kSweepEveryMs;
  }
  if (now < sweep_at_) {
    return false;
  }
  sweep_at_ = now + std::uniform_int_distribution<MonotonicMs>(kSweepEveryMs, 2 * kSweepEveryMs)(random_);
  return true;
}

void ZNodeCleaner::on_swept(const std::vector<std::string>& names, MonotonicMs now) {
  if (last_.empty() || last_.front().at > now - kept_ms_) {
    return;  // nothing is known to be that old
  }
  std::size_t found = 0;
  for (const std::string& name : names) {
    const std::optional<std::int32_t> number = znode_number(name);
    if (number && !is_later(*number, last_.front().number) && found < kSweptAtOnce) {
      own_.push_front({*number, now});
      ++found;
    }
  }
}

}  // namespace pushwire::bus
