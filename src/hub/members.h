// Members: which nodes live, by what they announce. Whoever is silent for ten seconds has gone.
//
// A process is told from its successor of the same name by its run number. Two that live at the same time with one name
// are a mistake in the configuration: found out when each is heard between two announcements of the other.
// Thread: one at a time (Cluster locks). A value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "hub/control_codec.h"

namespace pushwire::hub {

struct Member {
  std::string name;
  std::uint64_t run = 0;
  Announcement state;  // as last announced
  MonotonicMs heard_at = 0;
  MonotonicMs patience_from = 0;  // heard_at, or when this node itself was last unable to hear
  std::uint64_t turn = 0;         // of the last announcement, among those of all nodes
  std::uint64_t turn_before = 0;  // 0: it has announced itself once
};

class Members {
 public:
  static constexpr MonotonicMs kSilence = 10'000;
  static constexpr std::size_t kMost = 1024;

  enum class Heard : std::uint8_t {
    kFine,
    kTwin,     // another living node calls itself the same
    kTooMany,  // not entered
    kGone,     // it has said goodbye
  };

  Heard hear(std::string_view name, std::uint64_t run, const Announcement& state, MonotonicMs now);
  // Says goodbye. A word of its that is still on its way is not heard any more.
  void leave(std::uint64_t run, MonotonicMs now);
  // Forgets who was silent for too long.
  void expire(MonotonicMs now);
  // This node could hear nobody until now, so nobody's silence counts.
  void pardon(MonotonicMs now);

  const std::vector<Member>& all() const noexcept { return members_; }

 private:
  Member* find(std::uint64_t run);
  bool has_twin(const Member& member) const;
  void forget_predecessor(const Member& member);

  struct Gone {
    std::uint64_t run;
    MonotonicMs at;
  };

  std::vector<Member> members_;
  std::deque<Gone> gone_;  // within the last kSilence, at most kMost
  std::uint64_t turns_ = 0;
};

}  // namespace pushwire::hub
