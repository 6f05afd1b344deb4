#include "hub/dedup_table.h"

namespace pushwire::hub {

void DedupTable::forget_front() {
  const Row row = order_.front();
  order_.pop_front();
  const auto found = entries_.find(row.id);
  // An abandoned id may have been begun anew: then a later row owns it.
  if (found != entries_.end() && found->second.serial == row.serial) {
    entries_.erase(found);
  }
}

void DedupTable::forget_old(MonotonicMs now) {
  while (!order_.empty() && now - order_.front().since >= window_) {
    forget_front();
  }
  while (order_.size() >= max_ids_ && !order_.empty()) {
    forget_front();
    forgotten_.fetch_add(1, std::memory_order_relaxed);
  }
}

DedupVerdict DedupTable::begin(std::string_view id, std::string_view body, MonotonicMs now) {
  const Digest key = digest_of(id);
  const Digest body_digest = digest_of(body);
  const std::lock_guard lock(mutex_);
  forget_old(now);
  const auto found = entries_.find(key);
  if (found != entries_.end()) {
    if (found->second.body != body_digest) {
      return DedupVerdict::kConflict;
    }
    return found->second.pending ? DedupVerdict::kBusy : DedupVerdict::kDuplicate;
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
