#include "bus/redis/stream_receiver.h"

#include <algorithm>
#include <utility>

namespace pushwire::bus::redis {
namespace {

// How long the server waits for an entry before it answers that there is none: a sign of life.
constexpr std::string_view kBlockMs = "1000";
// An answer is built in the server's memory as a whole: not many entries that are large.
constexpr std::size_t kFirstCount = 64;
constexpr std::size_t kMostCount = 512;
constexpr std::size_t kWantedBytes = std::size_t{4} << 20;
// The trim line moves in steps: its text is made anew that often.
constexpr std::uint64_t kTrimStepMs = 1'000;

}  // namespace

StreamReceiver::StreamReceiver(net::EventLoop& loop, const ConnectionOptions& options, std::string stream,
                               std::uint64_t keep_ms, LinkEvents& events, LegEvents& leg)
    : stream_(std::move(stream)),
      source_(options.server.to_string() + "/" + stream_),
      keep_ms_(keep_ms),
      sure_ms_(keep_ms - std::min(keep_ms, kTrimStepMs)),
      loop_(loop),
      events_(events),
      leg_(leg),
      count_(kFirstCount),
      connection_(loop, options, *this) {}

void StreamReceiver::close() {
  connection_.close();
  up_ = false;
}

void StreamReceiver::on_ready() {
  ask_for_info();
}

void StreamReceiver::ask_for_info() {
  asked_ = Asked::kInfo;
  was_paused_ = false;
  stream_exists_ = false;
  first_.reset();
  last_.reset();
  connection_.command({"XINFO", "STREAM", stream_});
  connection_.flush();
}

void StreamReceiver::read() {
  if (paused_) {
    asked_ = Asked::kNothing;
    return;
  }
  asked_ = Asked::kRead;
  read_at_ = monotonic_ms();  // the loop's time stands still with the process
  got_records_ = got_bytes_ = 0;
  connection_.command(
      {"XREAD", "COUNT", std::to_string(count_), "BLOCK", kBlockMs, "STREAMS", stream_, position_->to_string()});
  connection_.flush();
}

void StreamReceiver::on_item(const ReplyItem& item) {
  if (asked_ == Asked::kInfo) {
    on_info_item(item);
  } else if (item.kind == ReplyItem::Kind::kError) {
    connection_.refuse(item.text);
  } else if (asked_ == Asked::kRead) {
    on_read_item(item);
  } else {
    connection_.fail("bus.redis.address: " + connection_.server() + " answered what was not asked");
  }
}

// Names and values in turn; the value of "first-entry" is an array that begins with an id.
void StreamReceiver::on_info_item(const ReplyItem& item) {
  if (item.kind == ReplyItem::Kind::kError) {
    if (!item.text.starts_with("ERR no such key")) {
      connection_.refuse(item.text);
    }
  } else if (item.depth == 0) {
    stream_exists_ = true;
  } else if (item.depth == 1 && item.index % 2 == 0) {
    field_ = item.text;
  } else if (item.depth == 1 && field_ == "last-generated-id") {
    last_ = parse_stream_id(item.text);
  } else if (item.depth == 2 && item.index == 0 && field_ == "first-entry") {
    first_ = parse_stream_id(item.text);
  }
}

// [[stream, [[id, [name, value]], …]]]
void StreamReceiver::on_read_item(const ReplyItem& item) {
  if (item.kind != ReplyItem::Kind::kString) {
    return;
  }
  if (item.depth == 4 && item.index == 0) {
    entry_ = parse_stream_id(item.text);
    if (!entry_) {
      connection_.fail("bus.redis.address: " + connection_.server() + " sent an entry without an id");
    }
  } else if (item.depth == 5 && item.index == 1 && entry_) {
    const bool first = got_records_++ == 0;
    // Asked long ago, it may have been on its way while entries came and were dropped.
    const bool is_next = was_at_end_ && monotonic_ms() - read_at_ <= static_cast<MonotonicMs>(sure_ms_);
    if (first && !is_next && *position_ != StreamId{} && entry_->ms > position_->ms + sure_ms_) {
      reach_to_ = position_;  // nothing was published in between, or what was has been dropped
    }
    got_bytes_ += item.text.size();
    events_.on_record(item.text, source_);
    note_position(*std::exchange(entry_, std::nullopt));
  }
}

void StreamReceiver::on_reply_end() {
  if (asked_ == Asked::kInfo) {
    if (stream_exists_ && !last_) {
      connection_.fail("bus.redis.address: " + connection_.server() + " does not tell where its stream ends");
      return;
    }
    find_position();
    read();
    if (!std::exchange(up_, true)) {
      leg_.on_leg_up();
    }
  } else if (asked_ == Asked::kRead) {
    adapt_count();
    was_at_end_ = got_records_ == 0;
    if (may_be_trimmed()) {
      ask_for_info();
    } else {
      read();
    }
  }
}

// The process may have stood still, or have been paused, without the connection's being lost.
bool StreamReceiver::may_be_trimmed() const {
  return reach_to_ || was_paused_ || monotonic_ms() - read_at_ > static_cast<MonotonicMs>(sure_ms_);
}

void StreamReceiver::find_position() {
  const std::optional<StreamId> reach_to = std::exchange(reach_to_, std::nullopt);
  was_at_end_ = position_ && last_ == position_;
  if (!position_) {
    note_position(stream_exists_ ? *last_ : StreamId{});
    return;
  }
  if (*position_ == StreamId{}) {
    return;  // there was no stream: whatever is in it now is new
  }
  if (!stream_exists_ || *last_ < *position_) {
    // What is there now may be old and known, or new and from a clock that went back: all of it is looked at.
    events_.on_gap("the server at " + connection_.server() + " has lost its stream, or the end of it");
    position_ = StreamId{};
    // The ids may be lower than before: with the old line each entry would be dropped as it is added.
    oldest_kept_.clear();
    oldest_kept_ms_ = 0;
  } else if (const StreamId reached = reach_to.value_or(*position_);
             *last_ != reached && (!first_ || *first_ > reached)) {
    events_.on_gap("the stream at " + connection_.server() + " does not reach back to where this node stopped reading");
    skip_dropped();
  }
}

void StreamReceiver::skip_dropped() {
  StreamId next = *last_;
  if (first_ && *first_ != StreamId{}) {  // just before it, so that it is read
    next =
        first_->sequence > 0 ? StreamId{first_->ms, first_->sequence - 1} : StreamId{first_->ms - 1, ~std::uint64_t{0}};
  }
  if (next > *position_) {
    note_position(next);
  }
}

void StreamReceiver::note_position(StreamId id) {
  position_ = id;
  // By the server's own clock, in which ids are made; other nodes' clocks do not matter.
  if (id.ms > keep_ms_ && id.ms - keep_ms_ >= oldest_kept_ms_ + kTrimStepMs) {
    oldest_kept_ms_ = id.ms - keep_ms_;
    oldest_kept_ = StreamId{oldest_kept_ms_, 0}.to_string();
  }
}

void StreamReceiver::adapt_count() {
  if (got_records_ > 0) {
    const std::size_t average = std::max<std::size_t>(got_bytes_ / got_records_, 1);
    count_ = std::clamp<std::size_t>(kWantedBytes / average, 1, kMostCount);
  }
}

void StreamReceiver::on_lost(const std::string& reason) {
  up_ = false;
  asked_ = Asked::kNothing;
  entry_.reset();
  reach_to_.reset();
  leg_.on_leg_down(reason);
}

void StreamReceiver::set_paused(bool paused) {
  const bool resumed = std::exchange(paused_, paused) && !paused;
  if (!up_) {
    return;
  }
  connection_.set_paused(paused);  // an answer may be on its way, of up to kMostCount large entries
  // After a long pause the stream may have been trimmed beyond the own position.
  if (resumed && asked_ == Asked::kNothing) {
    ask_for_info();
  } else if (resumed) {
    was_paused_ = true;
  }
}

}  // namespace pushwire::bus::redis
