#include "bus/redis/channel_receiver.h"

#include <utility>

namespace pushwire::bus::redis {

ChannelReceiver::ChannelReceiver(net::EventLoop& loop, const ConnectionOptions& options, std::string channel,
                                 LinkEvents& events, LegEvents& leg)
    : channel_(std::move(channel)),
      source_(options.server.to_string() + "/" + channel_),
      events_(events),
      leg_(leg),
      connection_(loop, options, *this) {}

void ChannelReceiver::close() {
  connection_.close();
  subscribed_ = false;
}

void ChannelReceiver::on_ready() {
  connection_.command({"SUBSCRIBE", channel_});
  connection_.flush();
}

void ChannelReceiver::on_item(const ReplyItem& item) {
  if (item.kind == ReplyItem::Kind::kError) {
    connection_.refuse(item.text);
  } else if (item.depth == 0) {
    message_ = Message::kOther;
  } else if (item.depth == 1 && item.index == 0) {
    message_ = item.text == "message"     ? Message::kRecord
               : item.text == "subscribe" ? Message::kSubscribed
                                          : Message::kOther;
  } else if (item.index == 2 && message_ == Message::kRecord) {
    events_.on_record(item.text, source_);
  }
}

void ChannelReceiver::on_reply_end() {
  if (message_ != Message::kSubscribed || subscribed_) {
    return;
  }
  subscribed_ = true;
  if (std::exchange(was_subscribed_, true)) {
    events_.on_gap("the connection to " + connection_.server() +
                   " was lost, and in bus.redis.mode \"pubsub\" the server keeps nothing for later");
  }
  leg_.on_leg_up();
  if (paused_) {
    connection_.set_paused(true);
  }
}

void ChannelReceiver::on_lost(const std::string& reason) {
  subscribed_ = false;
  leg_.on_leg_down(reason);
}

void ChannelReceiver::set_paused(bool paused) {
  paused_ = paused;
  if (subscribed_) {
    connection_.set_paused(paused);
  }
}

}  // namespace pushwire::bus::redis
