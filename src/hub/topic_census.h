// TopicCensus: how many different topics this node has, though each may have subscribers on several workers.
// Any thread. Written only when a worker's first subscriber of a topic comes or its last one goes, so its mutex is far
// from every hot path (ADR 0011); may_have() takes none.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.h"
#include "hub/presence.h"

namespace pushwire::hub {

class TopicCensus {
 public:
  void add(std::string_view topic);
  void remove(std::string_view topic);
  std::size_t topics() const;
  // Whether the topic with this hash_name() may have a subscriber here.
  bool may_have(std::uint64_t hash) const noexcept { return presence_.may_have(hash); }

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return hash_name(name); }
  };

  Presence presence_;  // one entry per worker and topic
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::uint32_t, NameHash, std::equal_to<>> workers_of_;  // guarded by mutex_
};

}  // namespace pushwire::hub
