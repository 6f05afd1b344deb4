// StreamReceiver: receives by reading a stream from a position of its own
// (https://redis.io/docs/latest/commands/xread/). Every node reads everything; after an outage it goes on where it was,
// as far as the stream still reaches back.
//
//   XINFO: where is the end, is the own position still there? -> up -> XREAD BLOCK, again and again
//
// Thread: the loop's. Lifetime: all it is given outlives it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bus/link.h"
#include "bus/redis/connection.h"
#include "bus/redis/leg.h"
#include "bus/redis/stream_id.h"

namespace pushwire::bus::redis {

class StreamReceiver final : public Receiver, private ConnectionRole {
 public:
  // The server keeps entries for `keep_ms` at least.
  StreamReceiver(net::EventLoop& loop, const ConnectionOptions& options, std::string stream, std::uint64_t keep_ms,
                 LinkEvents& events, LegEvents& leg);

  void open() override { connection_.open(); }
  void close() override;
  void flush() override { connection_.flush(); }
  void set_paused(bool paused) override;
  bool is_up() const override { return up_; }
  const std::string& oldest_kept() const override { return oldest_kept_; }

 private:
  enum class Asked : std::uint8_t { kNothing, kInfo, kRead };

  void on_ready() override;
  void on_item(const ReplyItem& item) override;
  void on_reply_end() override;
  void on_lost(const std::string& reason) override;
  bool is_blocked() const override { return asked_ == Asked::kRead; }

  void ask_for_info();
  void read();
  void on_info_item(const ReplyItem& item);
  void on_read_item(const ReplyItem& item);
  // The stream is known: where to read from?
  void find_position();
  void note_position(StreamId id);
  // What was dropped has been told: goes on behind it.
  void skip_dropped();
  // Whether the server may have dropped entries that this node has not read, by what is known without asking it.
  bool may_be_trimmed() const;
  void adapt_count();

  const std::string stream_;
  const std::string source_;
  const std::uint64_t keep_ms_;
  const std::uint64_t sure_ms_;  // for so long nothing is dropped, whatever the step of the trim line
  net::EventLoop& loop_;
  LinkEvents& events_;
  LegEvents& leg_;
  Asked asked_ = Asked::kNothing;
  bool up_ = false;
  bool paused_ = false;
  std::optional<StreamId> position_;  // of the entry read last
  std::optional<StreamId> reach_to_;  // where the stream must reach back to, if not to position_
  bool was_at_end_ = false;           // when the entries were asked for that are read next
  bool was_paused_ = false;           // while the answer came that is being read
  MonotonicMs read_at_ = 0;           // when it was asked for
  std::string oldest_kept_;
  std::uint64_t oldest_kept_ms_ = 0;

  // Of the answer that is being read.
  bool stream_exists_ = false;
  std::string field_;
  std::optional<StreamId> last_;
  std::optional<StreamId> first_;
  std::optional<StreamId> entry_;
  std::size_t got_records_ = 0;
  std::size_t got_bytes_ = 0;

  std::size_t count_;  // asked for at once
  Connection connection_;
};

}  // namespace pushwire::bus::redis
