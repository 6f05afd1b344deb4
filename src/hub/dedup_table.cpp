#include "hub/dedup_table.h"

namespace pushwire::hub {

// An abandoned id leaves its row behind; one that is begun anew owns a later row.
bool DedupTable::is_live(const Row& row) const {
  const auto found = entries_.find(row.id);
  return found != entries_.end() && found->second.serial == row.serial;
}

void DedupTable::forget_old(MonotonicMs now) {
  // A bounded number at a time: a reload may have made hundreds of thousands superfluous.
  for (int i = 0; i < kMostForgotten && !order_.empty(); ++i) {
    const Row& row = order_.front();
    if (is_live(row)) {
      if (entries_.find(row.id)->second.pending) {
        return;  // how it ends will be told by its id: it must not be another's by then
      }
      const bool old = now - row.since >= window_;
      if (!old && entries_.size() < max_ids_) {
        return;
      }
      if (!old) {
        forgotten_.fetch_add(1, std::memory_order_relaxed);
      }
      entries_.erase(row.id);
    }
    order_.pop_front();
  }
}

DedupVerdict DedupTable::begin(std::string_view id, std::string_view body, MonotonicMs now) {
  const Digest key = digest_of(id);
  const Digest body_digest = digest_of(body);
  const std::lock_guard lock(mutex_);
  forget_old(now);
  const auto found = entries_.find(key);
  if (found != entries_.end()) {
    if (found->second.pending) {
      return DedupVerdict::kBusy;  // whatever the body is: the first try may still end without using up the id
    }
    return found->second.body == body_digest ? DedupVerdict::kDuplicate : DedupVerdict::kConflict;
  }
  const std::uint64_t serial = next_serial_++;
  entries_.emplace(key, Entry{body_digest, serial, true});
  order_.push_back({key, now, serial});
  return DedupVerdict::kNew;
}

void DedupTable::commit(std::string_view id) {
  const Digest key = digest_of(id);
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) {
    found->second.pending = false;
  }
}

void DedupTable::abandon(std::string_view id) {
  const Digest key = digest_of(id);
  const std::lock_guard lock(mutex_);
  entries_.erase(key);
  // Tries that fail one after the other must not heap up rows while the node is overloaded.
  while (!order_.empty() && !is_live(order_.back())) {
    order_.pop_back();
  }
  if (order_.size() > 2 * entries_.size() + kSpareRows) {
    std::erase_if(order_, [this](const Row& row) { return !is_live(row); });
  }
}

void DedupTable::set_limits(MonotonicMs window, std::size_t max_ids) {
  const std::lock_guard lock(mutex_);
  window_ = window;
  max_ids_ = max_ids;
}

std::size_t DedupTable::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace pushwire::hub
