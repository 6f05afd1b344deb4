#include "hub/fanout.h"

namespace pushwire::hub {

using session::ChannelSession;

bool LocalMessage::excluded(const ChannelSession& session) const {
  const Exclude& exclude = message_->exclude();
  if (const auto* id = std::get_if<session::SessionId>(&exclude)) {
    return session.id() == *id;
  }
  const auto* user = std::get_if<std::string>(&exclude);
  return user != nullptr && session.user().user() == *user;
}

void LocalMessage::give(ChannelSession& session, metrics::WorkerStats& stats, bool expired) {
  if (excluded(session)) {
    return;
  }
  if (expired) {
    stats.drop(metrics::DropReason::kExpired);
    return;
  }
  const bool raw = session.format() == session::MessageFormat::kRaw;
  if (raw && !raw_frame_) {
    raw_frame_ = net::LocalBuffer(message_->make_raw_frame(), net::FrameKind::kMessage);
  }
  if (session.send_message(raw ? raw_frame_ : frame_)) {
    ++sockets_;
  }
}

Fanout::~Fanout() {
  for (const Wide& wide : queue_) {
    if (const auto* walk = wide.cursor ? std::get_if<TopicTable::Walk>(&*wide.cursor) : nullptr) {
      topics_.end_walk(*walk);
    }
  }
}

void Fanout::add_topic(std::string_view topic, MessagePtr message, std::size_t reserved) {
  queue_.push_back({LocalMessage(std::move(message)), std::string(topic), reserved, std::nullopt});
}

void Fanout::add_all(MessagePtr message, std::size_t reserved) {
  queue_.push_back({LocalMessage(std::move(message)), std::nullopt, reserved, std::nullopt});
}

Fanout::Cursor Fanout::begin(const Wide& wide) {
  if (!wide.topic) {
    return AllCursor{0, sessions_.slots()};
  }
  const auto walk = topics_.begin_walk(*wide.topic);
  return walk ? Cursor(*walk) : Cursor(Nobody{});
}

ChannelSession* Fanout::next(Wide& wide) {
  if (auto* walk = std::get_if<TopicTable::Walk>(&*wide.cursor)) {
    return topics_.next(*walk);
  }
  auto* cursor = std::get_if<AllCursor>(&*wide.cursor);
  if (cursor == nullptr || cursor->next >= cursor->end) {
    return nullptr;
  }
  ChannelSession* session = sessions_.next_open(cursor->next);
  return cursor->next <= cursor->end ? session : nullptr;
}

void Fanout::step(std::vector<Finished>& finished) {
  std::uint32_t left = kSlice;
  while (!queue_.empty() && left > 0) {
    Wide& wide = queue_.front();
    if (!wide.cursor) {
      wide.cursor = begin(wide);
    }
    const bool expired = wide.message.message().expired(wall_ms());
    if (expired) {
      expired_log_.warn(monotonic_ms(), "dropping a message to many: its ttl_ms passed while it waited for its turn");
    }
    ChannelSession* session = next(wide);
    while (session != nullptr && left > 0) {
      wide.message.give(*session, stats_, expired);
      --left;
      session = left > 0 ? next(wide) : session;
    }
    if (session != nullptr) {
      return;  // the slice is used up; `session` has been served
    }
    if (const auto* walk = std::get_if<TopicTable::Walk>(&*wide.cursor)) {
      topics_.end_walk(*walk);
    }
    finished.push_back({wide.message.pointer(), wide.message.sockets(), wide.reserved});
    queue_.pop_front();
  }
}

}  // namespace pushwire::hub
