#include "hub/members.h"

#include <algorithm>

namespace pushwire::hub {

Member* Members::find(std::uint64_t run) {
  const auto found = std::find_if(members_.begin(), members_.end(), [&](const Member& m) { return m.run == run; });
  return found == members_.end() ? nullptr : &*found;
}

// Whether another of the same name spoke between the last two announcements of this one.
bool Members::has_twin(const Member& member) const {
  return member.turn_before != 0 && std::any_of(members_.begin(), members_.end(), [&](const Member& other) {
           return other.run != member.run && other.name == member.name && other.turn > member.turn_before;
         });
}

// A node that has spoken twice, while another of its name was silent, stands in that one's place: it was started anew.
void Members::forget_predecessor(const Member& member) {
  if (member.turn_before == 0) {
    return;
  }
  std::erase_if(members_, [name = member.name, run = member.run, before = member.turn_before](const Member& other) {
    return other.run != run && other.name == name && other.turn < before;
  });
}

Members::Heard Members::hear(std::string_view name, std::uint64_t run, const Announcement& state, MonotonicMs now) {
  Member* member = find(run);
  if (member == nullptr) {
    if (std::any_of(gone_.begin(), gone_.end(), [run](const Gone& gone) { return gone.run == run; })) {
      return Heard::kGone;
    }
    if (members_.size() >= kMost) {
      return Heard::kTooMany;
    }
    member = &members_.emplace_back();
    member->run = run;
  }
  member->name = name;
  member->state = state;
  member->heard_at = now;
  member->patience_from = now;
  member->turn_before = member->turn;
  member->turn = ++turns_;
  if (has_twin(*member)) {
    return Heard::kTwin;
  }
  forget_predecessor(*member);
  return Heard::kFine;
}

void Members::leave(std::uint64_t run, MonotonicMs now) {
  std::erase_if(members_, [run](const Member& member) { return member.run == run; });
  while (!gone_.empty() && (gone_.size() >= kMost || now - gone_.front().at >= kSilence)) {
    gone_.pop_front();
  }
  gone_.push_back({run, now});
}

void Members::expire(MonotonicMs now) {
  std::erase_if(members_, [now](const Member& member) { return now - member.patience_from >= kSilence; });
}

void Members::pardon(MonotonicMs now) {
  for (Member& member : members_) {
    member.patience_from = now;
  }
}

}  // namespace pushwire::hub
