#include "bus/redis/redis_link.h"

#include <algorithm>
#include <string>
#include <utility>

#include "bus/redis/channel_receiver.h"
#include "bus/redis/connection.h"
#include "bus/redis/leg.h"
#include "bus/redis/publisher.h"
#include "bus/redis/stream_receiver.h"

namespace pushwire::bus {
namespace {

using namespace redis;

constexpr std::uint16_t kDefaultPort = 6379;
// Far below what the server takes (its proto-max-bulk-len, 512 MiB): such a record would hold up all others.
constexpr std::size_t kLargestRecord = std::size_t{16} << 20;
// How much longer than bus.max_replay_age the stream is kept, and how long at least.
constexpr std::uint64_t kKeptReplayAges = 3;
constexpr std::uint64_t kKeptMs = 30'000;

class RedisLink final : public Link, private LegEvents {
 public:
  RedisLink(net::EventLoop& loop, LinkEvents& events, const Settings& settings, const net::SocketCalls* calls)
      : loop_(loop), events_(events), settings_(settings), name_(settings.name_space + ".push") {
    options_.calls = calls;
  }

  Result<> open() override;
  void send(const OutRecord& record) override;
  void flush() override;
  void pause() override { receiver_->set_paused(true); }
  void resume() override { receiver_->set_paused(false); }
  void close() override;
  Capabilities capabilities() const override {
    // Not at least once: whether a confirmed record survives a crash of the server is its own configuration.
    return {.replay = has_stream(), .ordered = true, .at_least_once = false, .targeted = false};
  }
  std::size_t largest_record() const noexcept override { return kLargestRecord; }

 private:
  void on_leg_up() override;
  void on_leg_down(const std::string& reason) override;

  bool has_stream() const noexcept { return settings_.redis.mode == RedisMode::kStreams; }
  Result<> read_settings();

  net::EventLoop& loop_;
  LinkEvents& events_;
  const Settings settings_;
  const std::string name_;  // of the channel, or of the stream
  ConnectionOptions options_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Receiver> receiver_;
};

Result<> RedisLink::read_settings() {
  auto server = net::parse_endpoint(settings_.redis.address, kDefaultPort);
  if (!server) {
    return fail("bus.redis.address: " + server.error().message);
  }
  options_.server = std::move(*server);
  options_.username = settings_.redis.username;
  options_.password = settings_.redis.password;
  if (!options_.username.empty() && options_.password.empty()) {
    return fail("bus.redis.username: needs bus.redis.password or bus.redis.password_file");
  }
  if (settings_.redis.tls) {
    auto tls = net::make_tls_client(settings_.redis.tls_ca);
    if (!tls) {
      return fail("bus.redis.tls_ca: " + tls.error().message);
    }
    options_.tls = std::move(*tls);
  }
  return {};
}

Result<> RedisLink::open() {
  if (auto read = read_settings(); !read) {
    return read;
  }
  LegEvents& legs = *this;
  publisher_ = std::make_unique<Publisher>(loop_, options_, events_, legs);
  if (has_stream()) {
    const auto replayed = static_cast<std::uint64_t>(std::max<std::int64_t>(settings_.max_replay_age.count(), 0));
    receiver_ = std::make_unique<StreamReceiver>(loop_, options_, name_, std::max(kKeptReplayAges * replayed, kKeptMs),
                                                 events_, legs);
  } else {
    receiver_ = std::make_unique<ChannelReceiver>(loop_, options_, name_, events_, legs);
  }
  receiver_->open();
  publisher_->open();
  return {};
}

void RedisLink::send(const OutRecord& record) {
  if (!publisher_->is_up()) {
    return;  // on_down() has come, or comes at the end of what is being read
  }
  if (has_stream()) {
    publisher_->append(name_, receiver_->oldest_kept(), record);
  } else {
    publisher_->publish(name_, record);
  }
}

void RedisLink::flush() {
  publisher_->flush();
  receiver_->flush();
}

void RedisLink::close() {
  if (publisher_ != nullptr) {
    publisher_->close();
    receiver_->close();
  }
}

void RedisLink::on_leg_up() {
  if (publisher_->is_up() && receiver_->is_up()) {
    events_.on_up();
  }
}

void RedisLink::on_leg_down(const std::string& reason) {
  events_.on_down(reason);
}

}  // namespace

std::unique_ptr<Link> make_redis_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings) {
  return make_redis_link_over(nullptr, loop, events, settings);
}

std::unique_ptr<Link> make_redis_link_over(const net::SocketCalls* calls, net::EventLoop& loop, LinkEvents& events,
                                           const Settings& settings) {
  return std::make_unique<RedisLink>(loop, events, settings, calls);
}

}  // namespace pushwire::bus
