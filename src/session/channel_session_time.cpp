// The deadlines of a ChannelSession, and what happens at them.
#include <algorithm>

#include "session/channel_session.h"
#include "session/session_manager.h"

namespace pushwire::session {

using protocol::Disconnect;

// Arms the timer for the earliest of this session's deadlines. What happens often (a byte received) only moves
// deadlines later and does not come here: the timer then fires early, finds nothing due and is armed anew.
void ChannelSession::watch(MonotonicMs now) {
  const SessionOptions& options = manager_.options_;
  if (state_ == State::kClosing) {
    manager_.loop_.timers().arm(*this, last_received_ + options.close_timeout);
    return;
  }
  MonotonicMs deadline = std::min(last_received_ + options.heartbeat_timeout,
                                  last_received_ + options.heartbeat_interval * (pings_sent_ + 1));
  if (expires_at_ != 0) {
    deadline = std::min(deadline, now + static_cast<MonotonicMs>(expires_at_) * 1000 - wall_ms());
  }
  if (outbox_ != nullptr && outbox_->over_soft_since() != 0) {
    deadline = std::min(deadline, outbox_->over_soft_since() + options.outbox_soft_for);
  }
  manager_.loop_.timers().arm(*this, deadline);
}

void ChannelSession::on_timer(MonotonicMs now) {
  const SessionOptions& options = manager_.options_;
  if (state_ == State::kClosing) {
    const bool too_long = now - connected_at_ >= options.outbox_soft_for + options.close_timeout;
    return too_long || now - last_received_ >= options.close_timeout ? finish() : watch(now);
  }
  if (expires_at_ != 0 && wall_ms() >= static_cast<WallMs>(expires_at_) * 1000) {
    close(Disconnect::kTokenExpired);
  } else if (outbox_ != nullptr && outbox_->over_soft_since() != 0 &&
             now - outbox_->over_soft_since() >= options.outbox_soft_for) {
    close(Disconnect::kSlowClient);
  } else if (now - last_received_ >= options.heartbeat_timeout) {
    close(Disconnect::kNoHeartbeat);
  } else if (inbound_ != nullptr && now - inbound_->since >= options.heartbeat_timeout) {
    close(Disconnect::kBadRequest);  // one message, begun and never finished
  } else {
    if (now - last_received_ >= options.heartbeat_interval * (pings_sent_ + 1)) {
      ++pings_sent_;
      if (!blocked_) {
        push(manager_.ping_);
      }
    }
    watch(now);
  }
}

}  // namespace pushwire::session
