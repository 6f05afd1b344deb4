// DedupTable: which push ids callers have used within dedup.window, and with what body.
//
// An id is begun, then committed when the bus has accepted the push or abandoned when it has not (a try answered 503
// does not use up the id). Ids and bodies are kept as digests: about 90 bytes each, at most dedup.max_ids of them;
// beyond that the oldest are forgotten early and counted.
// Any thread; its mutex is taken only for pushes that carry an id of the caller's own (ADR 0011).
#pragma once

#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string_view>

#include "base/clock.h"
#include "base/digest.h"

namespace pushwire::hub {

enum class DedupVerdict : std::uint8_t {
  kNew,
  kDuplicate,
  kConflict,  // the id was used with another body
  kBusy,      // a push with this id is being published at this moment
};

class DedupTable {
 public:
  DedupTable(MonotonicMs window, std::size_t max_ids) : window_(window), max_ids_(max_ids) {}

  // kNew: the caller owns the id until commit() or abandon().
  DedupVerdict begin(std::string_view id, std::string_view body, MonotonicMs now);
  void commit(std::string_view id);
  void abandon(std::string_view id);
  // Applies to ids that begin after it, and to how long the others are kept.
  void set_limits(MonotonicMs window, std::size_t max_ids);

  std::size_t size() const;
  // Ids forgotten before their window had passed.
  std::uint64_t forgotten() const noexcept { return forgotten_.load(std::memory_order_relaxed); }

 private:
  static constexpr int kMostForgotten = 4096;

  struct Entry {
    Digest body;
    std::uint64_t serial = 0;  // of the row in order_ that owns it
    bool pending = true;
  };
  struct Row {
    Digest id;
    MonotonicMs since = 0;
    std::uint64_t serial = 0;
  };
  struct DigestHash {
    using is_avalanching = void;
    std::size_t operator()(const Digest& digest) const noexcept { return digest.hash(); }
  };

  static constexpr std::size_t kSpareRows = 1024;

  bool is_live(const Row& row) const;
  void forget_old(MonotonicMs now);

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  MonotonicMs window_;
  std::size_t max_ids_;
  std::uint64_t next_serial_ = 1;
  boost::unordered_flat_map<Digest, Entry, DigestHash> entries_;
  std::deque<Row> order_;  // oldest first
  std::atomic<std::uint64_t> forgotten_{0};
};

}  // namespace pushwire::hub
