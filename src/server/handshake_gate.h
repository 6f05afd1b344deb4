// HandshakeGate: how many handshakes a worker takes on, at a time and per second.
//
// Over a limit, new connections first wait in the kernel's queue. When that has lasted for kPatience, those for whom
// there is no room are told 503 instead: a storm is then told to come back later, while as many as before get in.
// Thread: its worker's. A value.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace pushwire::server {

class HandshakeGate {
 public:
  static constexpr MonotonicMs kPatience = 1'000;

  struct Limits {
    std::uint64_t pending = 0;  // at a time
    double per_second = 0;      // 0: any number
  };
  enum class Verdict : std::uint8_t { kIn, kWait, kRefuse };

  explicit HandshakeGate(Limits limits) : limits_(limits), tokens_(most_tokens()) {}
  // What is under way counts as before.
  void set_limits(Limits limits) {
    limits_ = limits;
    tokens_ = std::min(tokens_, most_tokens());
  }

  // What becomes of a connection that comes now, with `pending` handshakes under way.
  Verdict judge(std::uint64_t pending, MonotonicMs now) {
    refill(now);
    if (pending < limits_.pending && tokens_ >= 1) {
      return Verdict::kIn;
    }
    if (behind_since_ == kNever) {
      behind_since_ = now;
    }
    return now - behind_since_ >= kPatience ? Verdict::kRefuse : Verdict::kWait;
  }
  // One is let in. Requires: judge() said so.
  void enter() {
    if (limits_.per_second > 0) {
      tokens_ -= 1;
    }
  }
  // Whether somebody waits for room that may be there now: to be asked once a turn and now and then.
  bool has_room_again(std::uint64_t pending, MonotonicMs now) {
    refill(now);
    if (behind_since_ == kNever || pending >= limits_.pending || tokens_ < 1) {
      return false;
    }
    if (tokens_ >= most_tokens()) {
      behind_since_ = kNever;  // nobody has come for a while
    }
    return true;
  }
  bool is_behind() const noexcept { return behind_since_ != kNever; }

 private:
  static constexpr MonotonicMs kNever = -1;
  static constexpr double kBurstSeconds = 0.25;

  // A quarter of a second's worth may come at once, and a limit that does not exist is one that never runs out.
  double most_tokens() const noexcept {
    return limits_.per_second > 0 ? std::max(limits_.per_second * kBurstSeconds, 1.0) : 1.0;
  }
  void refill(MonotonicMs now) {
    if (limits_.per_second > 0) {
      tokens_ = std::min(tokens_ + limits_.per_second * static_cast<double>(now - refilled_at_) / 1'000, most_tokens());
    } else {
      tokens_ = 1;
    }
    refilled_at_ = now;
  }

  Limits limits_;
  double tokens_;
  MonotonicMs refilled_at_ = 0;
  MonotonicMs behind_since_ = kNever;  // since when there is not room for everybody
};

}  // namespace pushwire::server
