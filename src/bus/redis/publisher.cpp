#include "bus/redis/publisher.h"

#include <utility>

namespace pushwire::bus::redis {

Publisher::Publisher(net::EventLoop& loop, const ConnectionOptions& options, LinkEvents& events, LegEvents& leg)
    : events_(events), leg_(leg), connection_(loop, options, *this) {}

void Publisher::close() {
  connection_.close();
  unanswered_.clear();
  unsent_.clear();
}

void Publisher::flush() {
  connection_.flush();
  for (const std::uint64_t number : std::exchange(unsent_, {})) {
    events_.on_sent(number, SendResult::kTryAgain);
  }
}

bool Publisher::is_full(const OutRecord& record) {
  const bool full = !unsent_.empty() || connection_.waiting_bytes() >= kMostWaitingBytes;
  if (full) {
    unsent_.push_back(record.number);
  }
  return full;
}

void Publisher::publish(std::string_view channel, const OutRecord& record) {
  if (is_full(record)) {
    return;
  }
  connection_.command({"PUBLISH", channel, record.bytes});
  unanswered_.push_back(record.number);
}

void Publisher::append(std::string_view stream, std::string_view oldest_kept, const OutRecord& record) {
  if (is_full(record)) {
    return;
  }
  if (oldest_kept.empty()) {
    connection_.command({"XADD", stream, "*", "r", record.bytes});
  } else {
    // About that old: the server drops whole blocks of entries, which costs it next to nothing.
    connection_.command({"XADD", stream, "MINID", "~", oldest_kept, "*", "r", record.bytes});
  }
  unanswered_.push_back(record.number);
}

void Publisher::on_item(const ReplyItem& item) {
  if (item.kind == ReplyItem::Kind::kError) {
    connection_.refuse(item.text);
    return;
  }
  const bool counted = item.kind == ReplyItem::Kind::kInteger;  // to how many PUBLISH has sent it
  if (item.depth != 0 || unanswered_.empty() || (!counted && item.kind != ReplyItem::Kind::kString)) {
    connection_.fail("bus.redis.address: " + connection_.server() + " answered what was not asked");
    return;
  }
  const std::uint64_t number = unanswered_.front();
  unanswered_.pop_front();
  // This node listens itself. If nobody does, its subscription is gone, and so may be everybody's.
  const bool stored = !counted || item.number > 0;
  events_.on_sent(number, stored ? SendResult::kStored : SendResult::kTryAgain);
}

void Publisher::on_lost(const std::string& reason) {
  unanswered_.clear();
  unsent_.clear();
  leg_.on_leg_down(reason);
}

}  // namespace pushwire::bus::redis
