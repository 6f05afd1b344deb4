// Publisher: sends records on a connection of its own, pipelined, and tells from the server's answers which it has.
// Thread: the loop's. Lifetime: all it is given outlives it.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "bus/link.h"
#include "bus/redis/connection.h"
#include "bus/redis/leg.h"

namespace pushwire::bus::redis {

class Publisher final : private ConnectionRole {
 public:
  Publisher(net::EventLoop& loop, const ConnectionOptions& options, LinkEvents& events, LegEvents& leg);

  void open() { connection_.open(); }
  void close();
  void flush();
  bool is_up() const noexcept { return connection_.is_ready(); }
  // Require: up. Answered by on_sent(), and with "try again" in flush() when too much waits for the server.
  void publish(std::string_view channel, const OutRecord& record);
  // The server drops what is older than `oldest_kept` meanwhile; empty: nothing.
  void append(std::string_view stream, std::string_view oldest_kept, const OutRecord& record);

 private:
  // The bus forgets a record when its time is over, but what was written still goes out.
  static constexpr std::size_t kMostWaitingBytes = std::size_t{64} << 20;

  bool is_full(const OutRecord& record);
  void on_ready() override { leg_.on_leg_up(); }
  void on_item(const ReplyItem& item) override;
  void on_reply_end() override {}
  void on_lost(const std::string& reason) override;

  LinkEvents& events_;
  LegEvents& leg_;
  std::deque<std::uint64_t> unanswered_;  // numbers, in the order of their commands
  // Not sent in this turn. While there are any nothing is sent: what is smaller must not overtake them.
  std::vector<std::uint64_t> unsent_;
  Connection connection_;
};

}  // namespace pushwire::bus::redis
