#include "hub/dedup_table.h"

#include <cstring>
#include <random>

#include "base/hash.h"

namespace pushwire::hub {
namespace {

std::array<std::uint64_t, 4> random_keys() {
  std::random_device random;
  std::array<std::uint64_t, 4> keys{};
  for (std::uint64_t& key : keys) {
    key = (std::uint64_t{random()} << 32) | random();
  }
  return keys;
}

}  // namespace

DedupTable::DedupTable(MonotonicMs window, std::size_t max_ids)
    : keys_(random_keys()), window_(window), max_ids_(max_ids) {}

Digest DedupTable::key_of(std::string_view id) const noexcept {
  const std::array<std::uint64_t, 2> halves = {siphash(id, keys_[0], keys_[1], 1, 3),
                                               siphash(id, keys_[2], keys_[3], 1, 3)};
  Digest key;
  static_assert(sizeof halves == sizeof key.bytes);
  std::memcpy(key.bytes.data(), halves.data(), sizeof halves);
  return key;
}

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

DedupTable::Entry& DedupTable::insert(const Digest& id, const Digest& body, MonotonicMs now) {
  const std::uint64_t serial = next_serial_++;
  order_.push_back({id, now, serial});
  return entries_.emplace(id, Entry{.body = body, .serial = serial}).first->second;
}

void DedupTable::erase(const Digest& id) {
  entries_.erase(id);
  // Tries that fail one after the other must not heap up rows while the node is overloaded.
  while (!order_.empty() && !is_live(order_.back())) {
    order_.pop_back();
  }
  if (order_.size() > 2 * entries_.size() + kSpareRows) {
    std::erase_if(order_, [this](const Row& row) { return !is_live(row); });
  }
}

// --- out ---------------------------------------------------------------------------------------------------------

DedupVerdict DedupTable::begin(std::string_view id, const Digest& body, MonotonicMs now) {
  const Digest key = key_of(id);
  const std::lock_guard lock(mutex_);
  forget_old(now);
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    insert(key, body, now);
    return DedupVerdict::kNew;
  }
  const Entry& entry = found->second;
  if (entry.pending && !entry.delivered) {
    return DedupVerdict::kBusy;  // whatever the body is: the first try may still end without using up the id
  }
  return entry.body == body ? DedupVerdict::kDuplicate : DedupVerdict::kConflict;
}

DedupEnd DedupTable::commit(std::string_view id) {
  const Digest key = key_of(id);
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    return DedupEnd::kUsed;
  }
  found->second.pending = false;
  return found->second.conflict ? DedupEnd::kConflict : DedupEnd::kUsed;
}

DedupEnd DedupTable::abandon(std::string_view id) {
  const Digest key = key_of(id);
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || !found->second.delivered) {
    erase(key);
    return DedupEnd::kFree;
  }
  found->second.pending = false;
  return found->second.conflict ? DedupEnd::kConflict : DedupEnd::kUsed;
}

// --- in ----------------------------------------------------------------------------------------------------------

bool DedupTable::deliver(std::string_view id, const Digest& body, MonotonicMs now) {
  const Digest key = key_of(id);
  const std::lock_guard lock(mutex_);
  forget_old(now);
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    Entry& entry = insert(key, body, now);
    entry.pending = false;
    entry.delivered = true;
    return true;
  }
  Entry& entry = found->second;
  if (entry.delivered) {
    return false;
  }
  entry.delivered = true;
  if (entry.body != body) {
    entry.conflict = true;
    entry.body = body;  // what arrives first is what the id stands for
  }
  return true;
}

void DedupTable::take_back(std::string_view id) {
  const Digest key = key_of(id);
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) {
    found->second.delivered = false;
  }
}

// -----------------------------------------------------------------------------------------------------------------

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
