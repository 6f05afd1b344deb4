// ChannelReceiver: receives by Pub/Sub (https://redis.io/docs/latest/develop/pubsub/). What is published while the
// connection is away never comes: each time it was lost, a gap is told.
// Thread: the loop's. Lifetime: all it is given outlives it.
#pragma once

#include <string>

#include "bus/link.h"
#include "bus/redis/connection.h"
#include "bus/redis/leg.h"

namespace pushwire::bus::redis {

class ChannelReceiver final : public Receiver, private ConnectionRole {
 public:
  ChannelReceiver(net::EventLoop& loop, const ConnectionOptions& options, std::string channel, LinkEvents& events,
                  LegEvents& leg);

  void open() override { connection_.open(); }
  void close() override;
  void flush() override { connection_.flush(); }
  // The server puts aside what this node does not read, up to its client-output-buffer-limit, and cuts it off then.
  void set_paused(bool paused) override;
  bool is_up() const override { return subscribed_; }
  const std::string& oldest_kept() const override { return nothing_; }

 private:
  enum class Message : std::uint8_t { kOther, kRecord, kSubscribed };

  void on_ready() override;
  void on_item(const ReplyItem& item) override;
  void on_reply_end() override;
  void on_lost(const std::string& reason) override;

  const std::string channel_;
  const std::string source_;
  const std::string nothing_;
  LinkEvents& events_;
  LegEvents& leg_;
  bool subscribed_ = false;
  bool was_subscribed_ = false;
  bool paused_ = false;
  Message message_ = Message::kOther;  // that is being read
  Connection connection_;
};

}  // namespace pushwire::bus::redis
