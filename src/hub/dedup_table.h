// DedupTable: which push ids callers have used within dedup.window, and with what body.
//
// Out: an id is begun, then committed when the bus has accepted the push or abandoned when it has not (a try answered
// 503 does not use up the id). In, on a bus with other nodes: deliver() learns the ids that came by any node, and lets
// each through once. What has arrived is used, whatever its publisher was told.
// Ids are kept as keyed hashes and bodies as digests: about 90 bytes each, at most dedup.max_ids of them; beyond that
// the oldest are forgotten early and counted. Any thread; its mutex is taken only for pushes that carry an id of the
// caller's own (ADR 0011).
#pragma once

#include <array>
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

// How an id that was begun ended.
enum class DedupEnd : std::uint8_t {
  kUsed,      // by this push or one with the same body
  kFree,      // it may be tried again
  kConflict,  // a push with another body came from another node first
};

class DedupTable {
 public:
  DedupTable(MonotonicMs window, std::size_t max_ids);

  // kNew: the caller owns the id until commit() or abandon().
  DedupVerdict begin(std::string_view id, const Digest& body, MonotonicMs now);
  DedupEnd commit(std::string_view id);
  DedupEnd abandon(std::string_view id);
  // An envelope has come from the bus. False: one with this id came before, and this one is left out.
  bool deliver(std::string_view id, const Digest& body, MonotonicMs now);
  // Requires: deliver() was true. There was no room for it; the bus hands it over again.
  void take_back(std::string_view id);
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
    bool pending = true;       // begun here, and how that ends is not known yet
    bool delivered = false;    // its envelope has come from the bus
    bool conflict = false;     // … with another body than the one begun here
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

  // 128 bits, which nobody outside can make collide: the keys are random. A tenth of the time that a digest takes.
  Digest key_of(std::string_view id) const noexcept;
  bool is_live(const Row& row) const;
  void forget_old(MonotonicMs now);
  Entry& insert(const Digest& id, const Digest& body, MonotonicMs now);
  void erase(const Digest& id);

  const std::array<std::uint64_t, 4> keys_;
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
