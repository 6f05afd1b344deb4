#include "server/worker.h"

#include <algorithm>

#include "base/log.h"

namespace pushwire::server {
namespace {

constexpr std::size_t kReceiveBufferBytes = 64 * 1024;
// Mail of one turn, counted in users to look up: about 2 ms of writing when each has one connection. The rest waits for
// the next turn, so that heartbeats and new connections flow in between.
constexpr std::size_t kMailPerTurn = 256;
// Callers are few and keep their connections; without a bound whoever reaches the port could take all descriptors.
constexpr std::size_t kMaxApiConnections = 1024;
constexpr MonotonicMs kHousekeepingMs = 500;

std::string bytes_of(const http::Response& response) {
  std::string out;
  http::DateCache date;
  response.append_to(out, {}, date.at(wall_ms()));
  return out;
}

}  // namespace

Worker::Worker(WorkerBase& base, const NodeServices& services, std::shared_ptr<const WorkerSettings> settings,
               WorkerListeners listeners)
    : base_(base),
      services_(services),
      settings_(std::move(settings)),
      receive_buffer_(kReceiveBufferBytes),
      hub_(base.loop, base.stats, base.mailbox, services.counts, settings_->hub),
      api_(base.index, services.view, services.dispatcher, hub_.sessions().ids(), base.stats),
      api_port_(api_, settings_->keys),
      client_port_(services.view, services.counts, base.stats, api_, *this, settings_),
      api_server_(base.loop, api_port_, receive_buffer_, settings_->api_http),
      client_server_(base.loop, client_port_, receive_buffer_, settings_->client_http),
      refused_(base.loop),
      bag_(services.dispatcher.router().mailboxes()),
      gate_(settings_->handshakes) {
  api_port_.attach(api_server_);
  client_port_.attach(client_server_);
  api_server_.set_tls(settings_->api_tls);
  client_server_.set_tls(settings_->client_tls);
  for (net::Fd& fd : listeners.client) {
    listeners_.push_back(std::make_unique<net::Listener>(base.loop, std::move(fd), *this, kClientPort));
  }
  for (net::Fd& fd : listeners.api) {
    listeners_.push_back(std::make_unique<net::Listener>(base.loop, std::move(fd), *this, kApiPort));
  }
  base.loop.timers().arm(*this, base.loop.now() + kHousekeepingMs);
  if (base.index == 0 && services.view.cluster != nullptr) {
    cluster_timer_.emplace(base.loop, *services.view.cluster);
  }
}

Worker::~Worker() = default;

void Worker::run() {
  // A ring belongs to the thread that makes it. The gateway has tried it out; a worker that gets none (locked memory
  // may be limited) sends without.
  if (auto sender = net::choose_sender(settings_->io)) {
    hub_.sessions().use(std::move(*sender));
  }
  bag_.carry_here();
  base_.loop.run(*this);
  // All of it, what had been begun and what came since: the last words of the bus about pushes whose callers wait.
  bag_.deliver();
  for (int i = 0; i < 2; ++i) {
    base_.mailbox.drain([this](hub::WorkerMail&& mail) { carry_out(std::move(mail)); });
  }
  flush();
  client_server_.shutdown();
  api_server_.shutdown();
  destroy_closed();
  bag_.put_down();
}

// --- the turn ----------------------------------------------------------------------------------------------------

void Worker::drain_mail() {
  bag_.deliver();  // what the sockets of this turn have brought
  base_.mailbox.drain(kMailPerTurn, [this](hub::WorkerMail&& mail) {
    const std::size_t cost = hub::cost_of(mail);
    carry_out(std::move(mail));
    return cost;
  });
}

void Worker::on_timers(MonotonicMs now) {
  base_.loop.timers().expire(now);
}

void Worker::flush() {
  hub_.step();
  hub_.sessions().flush();
  hub_.settle();
  api_server_.flush();
  client_server_.flush();
}

void Worker::destroy_closed() {
  hub_.sessions().destroy_closed();
  api_server_.destroy_closed();
  client_server_.destroy_closed();
  base_.stats.pending_handshakes.set(static_cast<std::int64_t>(client_server_.open_count()));
  if (gate_.has_room_again(client_server_.open_count(), base_.loop.now())) {
    std::for_each(listeners_.begin(), listeners_.end(), [](const auto& listener) { listener->resume(); });
  }
  bag_.deliver();
  base_.drained.store(hub_.drained(), std::memory_order_release);
}

void Worker::on_timer(MonotonicMs now) {
  // Whoever waits because descriptors had run out, or because there were too many handshakes for too long.
  for (const auto& listener : listeners_) {
    listener->resume();
  }
  base_.loop.timers().arm(*this, now + (gate_.is_behind() ? net::TimerWheel::kTickMs : kHousekeepingMs));
}

// --- coming in ---------------------------------------------------------------------------------------------------

bool Worker::can_accept(std::uint16_t port) {
  if (port == kApiPort) {
    return api_server_.open_count() < kMaxApiConnections;  // the others wait in the kernel's queue
  }
  if (gate_.judge(client_server_.open_count(), base_.loop.now()) != HandshakeGate::Verdict::kWait) {
    return true;
  }
  crowded_log_.warn(base_.loop.now(),
                    "worker {}: more handshakes than it may take on ({} are under way): new ones wait", base_.index,
                    client_server_.open_count());
  base_.loop.timers().arm(*this, base_.loop.now() + net::TimerWheel::kTickMs);
  return false;
}

void Worker::on_accept(net::Fd fd, std::uint16_t port) {
  if (port == kApiPort) {
    api_server_.adopt(std::move(fd));
    return;
  }
  if (gate_.judge(client_server_.open_count(), base_.loop.now()) != HandshakeGate::Verdict::kIn) {
    base_.stats.handshake(metrics::HandshakeResult::kOverloaded);
    if (!client_server_.has_tls()) {  // with TLS to say so would cost just what there is no room for
      refused_.refuse(std::move(fd), nullptr, bytes_of(session::refusal_of(session::Door::kOverloaded).response()));
    }
    return;
  }
  gate_.enter();
  client_server_.adopt(std::move(fd));
}

void Worker::on_no_descriptor(std::uint16_t port) {
  if (port == kClientPort) {
    base_.stats.handshake(metrics::HandshakeResult::kNoDescriptors);
  }
  descriptor_log_.warn(base_.loop.now(), "turning clients away: the process may open no more files (ulimit -n)");
}

void Worker::on_upgrade(std::unique_ptr<session::PendingUpgrade> upgrade) {
  const std::uint32_t home = services_.dispatcher.router().home_worker(upgrade->user);
  if (home == base_.index) {
    adopt(std::move(upgrade));
  } else {
    services_.dispatcher.router().post(home, hub::Adopt{std::move(upgrade)});
  }
}

void Worker::adopt(std::unique_ptr<session::PendingUpgrade> upgrade) {
  if (const auto rejected = hub_.adopt(std::move(upgrade))) {
    const session::Refusal refusal = session::too_many_connections();
    base_.stats.handshake(refusal.result);
    refused_.refuse(std::move(rejected->fd), std::move(rejected->tls), bytes_of(refusal.response()));
  }
}

// --- mail --------------------------------------------------------------------------------------------------------

void Worker::carry_out(hub::WorkerMail&& mail) {
  if (auto* deliver = std::get_if<hub::Deliver>(&mail)) {
    hub_.deliver(std::move(*deliver));
  } else if (auto* adopted = std::get_if<hub::Adopt>(&mail)) {
    adopt(std::move(adopted->upgrade));
  } else if (auto* ask = std::get_if<hub::Ask>(&mail)) {
    answer(*ask);
  } else if (auto* reply = std::get_if<hub::Reply>(&mail)) {
    api_.on_reply(std::move(*reply));
  } else if (const auto* published = std::get_if<hub::Published>(&mail)) {
    api_.on_published(*published);
  } else if (auto* fresh = std::get_if<hub::Reconfigure>(&mail)) {
    apply(std::static_pointer_cast<const WorkerSettings>(fresh->settings));
  } else {
    hub_.drain(std::get<hub::Drain>(mail).rate_per_second);
  }
}

void Worker::answer(const hub::Ask& ask) {
  hub::Answer answer = hub_.answer(ask.question);
  if (ask.reply_to.worker == hub::kOtherNode) {
    services_.view.cluster->answer(ask.reply_to.call, std::move(answer));
  } else {
    services_.dispatcher.router().post(ask.reply_to.worker, hub::Reply{ask.reply_to.call, std::move(answer)});
  }
}

void Worker::apply(std::shared_ptr<const WorkerSettings> settings) {
  settings_ = std::move(settings);
  gate_.set_limits(settings_->handshakes);
  hub_.set_options(settings_->hub);
  api_port_.set_keys(settings_->keys);
  client_port_.set_settings(settings_);
  api_server_.set_limits(settings_->api_http);
  client_server_.set_limits(settings_->client_http);
  api_server_.set_tls(settings_->api_tls);
  client_server_.set_tls(settings_->client_tls);
}

}  // namespace pushwire::server
