// Fanout: pushes to a topic or to everyone on one worker, given out in slices.
//
// A push to very many would hold the loop for long: so each is a cursor, and each turn gives out a bounded number.
// Pushes to single users, heartbeats and new connections flow between the slices. The wide pushes themselves stay in
// order, one after the other. What waits here is still counted in the worker's mailbox, which bounds it.
// Thread: the worker's.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/quiet_log.h"
#include "hub/message.h"
#include "hub/topic_table.h"
#include "hub/worker_mail.h"
#include "metrics/worker_stats.h"
#include "net/local_buffer.h"
#include "session/session_manager.h"

namespace pushwire::hub {

// One message on one worker: its frames, wrapped once, and how many sockets got it.
class LocalMessage {
 public:
  explicit LocalMessage(MessagePtr message)
      : message_(std::move(message)), frame_(message_->frame(), net::FrameKind::kMessage) {}

  const Message& message() const noexcept { return *message_; }
  const MessagePtr& pointer() const noexcept { return message_; }
  std::uint64_t sockets() const noexcept { return sockets_; }
  // Hands it to one session, or counts why not.
  void give(session::ChannelSession& session, metrics::WorkerStats& stats, bool expired);

 private:
  bool excluded(const session::ChannelSession& session) const;

  MessagePtr message_;
  net::LocalBuffer frame_;
  net::LocalBuffer raw_frame_;  // made when the first raw client comes along
  std::uint64_t sockets_ = 0;
};

class Fanout {
 public:
  // What is done with: the mailbox gets its bytes back, the clock is stopped after the flush.
  struct Finished {
    MessagePtr message;
    std::uint64_t sockets;
    std::size_t reserved;
  };

  Fanout(session::SessionManager& sessions, TopicTable& topics, metrics::WorkerStats& stats)
      : sessions_(sessions), topics_(topics), stats_(stats) {}
  ~Fanout();

  void add_topic(std::string_view topic, MessagePtr message, std::size_t reserved);
  void add_all(MessagePtr message, std::size_t reserved);
  bool empty() const noexcept { return queue_.empty(); }
  // Gives out at most kSlice messages. Appends what came to its end to `finished`.
  void step(std::vector<Finished>& finished);

 private:
  // About 0.3 ms of writing. A push to a single user waits for the slice under way and leaves with the next
  // one; larger slices make a broadcast no cheaper (docs/performance.md).
  static constexpr std::uint32_t kSlice = 32;

  struct AllCursor {
    std::uint32_t next = 0;
    std::uint32_t end = 0;
  };
  struct Nobody {};
  using Cursor = std::variant<Nobody, AllCursor, TopicTable::Walk>;
  struct Wide {
    LocalMessage message;
    std::optional<std::string> topic;  // nothing: everyone
    std::size_t reserved;
    // Set when its turn has come, not before: a topic that is always being pushed to would else always be walked, and
    // the holes that leavers make in its list never be closed.
    std::optional<Cursor> cursor;
  };

  Cursor begin(const Wide& wide);
  session::ChannelSession* next(Wide& wide);

  session::SessionManager& sessions_;
  TopicTable& topics_;
  metrics::WorkerStats& stats_;
  QuietLog expired_log_;
  std::deque<Wide> queue_;
};

}  // namespace pushwire::hub
