#include "bench/loader.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/clock.h"
#include "bench/socket.h"
#include "bench/wire.h"
#include "websocket/handshake.h"

namespace pushwire::bench {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kOpenTimeout = 60 * kSecond;
constexpr std::uint32_t kPortsPerAddress = 25'000;

void add(std::atomic<std::uint64_t>& counter) {
  counter.fetch_add(1, std::memory_order_relaxed);
}
void subtract(std::atomic<std::uint64_t>& counter) {
  counter.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace

PreciseTimer::PreciseTimer(net::EventLoop& loop) : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  PW_CHECK(fd_ && loop.add(fd_.get(), EPOLLIN, *this));
}

void PreciseTimer::set(std::int64_t at_ns) noexcept {
  if (at_ns == at_ns_) {
    return;
  }
  at_ns_ = at_ns;
  itimerspec when{};
  when.it_value = {.tv_sec = at_ns / kSecond, .tv_nsec = at_ns % kSecond};
  PW_CHECK(timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr) == 0);
}

// Only the waking counts; setting it anew is a new edge.
void PreciseTimer::on_io(std::uint32_t) {}

Loader::Loader(const Plan& plan, const Share& share, SharedState& shared)
    : plan_(plan),
      share_(share),
      shared_(shared),
      stats_(shared.loaders[share.process]),
      timer_(loop_),
      publisher_(loop_, plan, share, shared),
      up_(std::size_t{share.users} * plan.devices),
      expecting_(up_.size()),
      ledger_(up_.size()) {
  for (std::uint32_t i = 0; i < up_.size(); ++i) {
    clients_.push_back(std::make_unique<WebClient>(*this, i));
    roles_.push_back(role_of(plan, share.first_user * plan.devices + i));
    if (roles_.back() == Role::kChurner) {
      churners_.push_back(i);
    }
  }
}

void Loader::run() {
  while (phase_ != Phase::kQuit) {
    loop_.turn(*this, 5);
  }
}

void Loader::flush() {
  const std::int64_t now = monotonic_ns();
  const std::uint64_t order = shared_.control.order.load(std::memory_order_acquire);
  if (order != order_) {
    take_order(order, now);
  }
  open_some(now);
  if (phase_ == Phase::kLoad) {
    churn(now);
    publisher_.step(now);
    timer_.set(publisher_.next_due_ns());
  }
  if (stats_.phase_done.load(std::memory_order_relaxed) != order_ && is_over(now)) {
    stats_.phase_done.store(order_, std::memory_order_release);
  }
}

void Loader::take_order(std::uint64_t order, std::int64_t now_ns) {
  order_ = order;
  phase_ = static_cast<Phase>(order & 0xffffffff);
  phase_start_ns_ = now_ns;
  switch (phase_) {
    case Phase::kWarmUp:
      if (share_.process == 0) {
        to_open_ = {0};
        max_opening_ = 1;
      }
      break;
    case Phase::kConnect:
      open_all(plan_.options.in_flight);
      break;
    case Phase::kDropAll:
      std::ranges::for_each(clients_, [this](auto& client) { stop(*client); });
      break;
    case Phase::kReconnect:
      open_all(static_cast<std::uint32_t>(clients_.size()));
      break;
    case Phase::kPrepare:
      prepare();
      break;
    case Phase::kLoad:
      begin_load(now_ns);
      break;
    case Phase::kAccount:
      account();
      break;
    case Phase::kLeave:
      for (std::size_t i = 0;
           i < static_cast<std::size_t>(static_cast<double>(clients_.size()) * plan_.options.leave / 100); ++i) {
        stop(*clients_[i]);
      }
      break;
    case Phase::kRest:
    case Phase::kQuit:
      break;
  }
}

void Loader::open_all(std::uint32_t at_the_same_time) {
  max_opening_ = at_the_same_time;
  to_open_.clear();
  for (std::uint32_t i = static_cast<std::uint32_t>(clients_.size()); i-- > 0;) {
    if (!up_[i]) {
      to_open_.push_back(i);  // taken from the back: in order
    }
  }
}

void Loader::open_some(std::int64_t now_ns) {
  for (std::size_t n = 0; n < kOpenedPerTurn && !to_open_.empty() && opening_ < max_opening_; ++n) {
    WebClient& client = *clients_[to_open_.back()];
    to_open_.pop_back();
    const net::Address& address = node_of(client).url.address;
    const bool many = plan_.options.connections > kPortsPerAddress && address.is_loopback();
    Result<net::Fd> fd = start_connecting(address, many ? 1 + global_number(client) / kPortsPerAddress : 0);
    ++opening_;
    if (!fd) {
      on_gone(client, fd.error().message);
      continue;
    }
    client.start(std::move(*fd), static_cast<std::uint32_t>(plan_.options.skip), monotonic_ns());
  }
  if (opening_ > 0 && phase_ != Phase::kLoad && now_ns - phase_start_ns_ > kOpenTimeout) {
    for (auto& client : clients_) {
      if (client->state() != WebClient::State::kIdle && !up_[client->number()]) {
        client->stop();
        on_gone(*client, "no answer within 60 s");
      }
    }
  }
}

void Loader::stop(WebClient& client) {
  client.stop();
  if (up_[client.number()]) {
    up_[client.number()] = false;
    subtract(stats_.ready);
  }
}

bool Loader::is_over(std::int64_t now_ns) {
  switch (phase_) {
    case Phase::kWarmUp:
    case Phase::kConnect:
    case Phase::kReconnect:
      if (!to_open_.empty() || opening_ > 0) {
        return false;
      }
      if (phase_ == Phase::kWarmUp && share_.process == 0) {
        stop(*clients_.front());
      }
      return true;
    case Phase::kLoad:
      return is_load_over(now_ns);
    default:
      return true;
  }
}

bool Loader::is_load_over(std::int64_t now_ns) {
  Control& control = shared_.control;
  if (!publisher_.over()) {
    return false;
  }
  if (share_.process == 0) {
    control.broadcasts_over.store(true, std::memory_order_release);
  }
  if (!control.broadcasts_over.load(std::memory_order_acquire)) {
    return false;
  }
  if (sent_all_ns_ == 0) {
    sent_all_ns_ = now_ns;
  }
  const std::uint64_t broadcasts = control.broadcasts.load(std::memory_order_acquire) - control.refused.load();
  const std::uint64_t expected = broadcasts * expecting_count_ + publisher_.accepted_pushes() * plan_.devices;
  const auto drain = static_cast<std::int64_t>(plan_.options.drain_seconds * 1e9);
  return stats_.delivered.load(std::memory_order_relaxed) >= expected || now_ns - sent_all_ns_ > drain;
}

void Loader::prepare() {
  for (std::uint32_t i = 0; i < clients_.size(); ++i) {
    expecting_[i] = up_[i] && roles_[i] == Role::kReader;
    expecting_count_ += expecting_[i] ? 1 : 0;
    if (roles_[i] == Role::kStalled) {
      clients_[i]->stall();
    }
  }
}

void Loader::begin_load(std::int64_t now_ns) {
  std::vector<std::uint32_t> users;
  for (std::uint32_t i = 0; i < clients_.size(); i += plan_.devices) {
    if (roles_[i] != Role::kChurner) {
      users.push_back(i / plan_.devices);
    }
  }
  std::uint64_t readers = 0;
  for (std::uint32_t i = 0; i < plan_.options.connections; ++i) {
    readers += role_of(plan_, i) == Role::kReader ? 1 : 0;
  }
  publisher_.start(std::move(users), readers, now_ns);
}

void Loader::churn(std::int64_t now_ns) {
  if (churners_.empty() || publisher_.over()) {
    return;
  }
  max_opening_ = plan_.options.in_flight;
  const double elapsed = static_cast<double>(now_ns - phase_start_ns_) / 1e9;
  const auto wanted = static_cast<std::uint64_t>(elapsed * plan_.options.churn / share_.processes);
  for (; churned_ < wanted; ++churned_) {
    const std::uint32_t number = churners_[churned_ % churners_.size()];
    if (up_[number]) {
      stop(*clients_[number]);
      to_open_.push_back(number);
    }
  }
}

void Loader::account() {
  const std::unordered_set<std::uint32_t> refused = publisher_.excused_broadcasts();
  const std::uint32_t broadcasts = shared_.control.broadcasts.load(std::memory_order_acquire);
  std::uint64_t expected = 0;
  std::uint64_t lost = 0;
  for (std::uint32_t i = 0; i < clients_.size(); ++i) {
    if (!expecting_[i]) {
      continue;
    }
    const std::uint32_t user = i / plan_.devices;
    const auto& excused = publisher_.excused(user);
    expected += broadcasts - refused.size() + publisher_.pushed(user) - excused.size();
    lost += ledger_.lost(i, Stream::kAll, broadcasts, refused) +
            ledger_.lost(i, Stream::kUser, publisher_.pushed(user), excused);
  }
  stats_.expected.store(expected);
  stats_.lost.store(lost);
}

TemplateValues Loader::values_of(const WebClient& client) const {
  TemplateValues values;
  values.connection = global_number(client);
  values.user = values.connection / plan_.devices;
  values.device = values.connection % plan_.devices;
  if (!plan_.tokens.empty()) {
    values.token = plan_.tokens[values.user];
  }
  return values;
}

std::string Loader::opening_request(const WebClient& client) {
  const TemplateValues values = values_of(client);
  std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      node_of(client).path.fill(values), node_of(client).url.authority);
  for (const TextTemplate& header : plan_.headers) {
    request += header.fill(values) + "\r\n";
  }
  return request + "\r\n";
}

std::string Loader::hello(const WebClient& client) {
  std::string frames;
  for (const TextTemplate& text : plan_.hello) {
    frames += client_frame(websocket::Opcode::kText, text.fill(values_of(client)));
  }
  return frames;
}

void Loader::on_ready(WebClient& client) {
  const std::int64_t now = monotonic_ns();
  up_[client.number()] = true;
  --opening_;
  add(stats_.ready);
  if (phase_ != Phase::kWarmUp) {
    add(stats_.opened);
    stats_.handshake.record(now - client.started_ns());
    stats_.last_ready_ns.store(now, std::memory_order_relaxed);
  }
}

void Loader::on_gone(WebClient& client, std::string_view why) {
  note_trouble(stats_, why);
  if (!up_[client.number()]) {
    --opening_;
    add(stats_.failed);
    return;
  }
  up_[client.number()] = false;
  subtract(stats_.ready);
  add(roles_[client.number()] == Role::kStalled ? stats_.stalled_gone : stats_.dropped);
}

void Loader::on_message(WebClient& client, std::string_view payload) {
  if (!plan_.options.echo.empty() && payload == plan_.options.echo) {
    client.say(payload);
    return;
  }
  if (!expecting_[client.number()]) {
    return;
  }
  const std::int64_t now = monotonic_ns();
  const std::uint32_t local = client.number() / plan_.devices;
  while (const std::optional<Stamp> stamp = next_stamp(payload)) {
    if (stamp->run != shared_.control.run) {
      continue;
    }
    const bool to_all = stamp->stream == Stream::kAll;
    const std::uint32_t highest =
        to_all ? shared_.control.broadcasts.load(std::memory_order_acquire) : publisher_.pushed(local);
    if ((!to_all && stamp->user != share_.first_user + local) || stamp->number == 0 || stamp->number > highest) {
      add(stats_.misrouted);
      continue;
    }
    const Verdict verdict = ledger_.take(client.number(), stamp->stream, stamp->number);
    if (verdict == Verdict::kDuplicate) {
      add(stats_.duplicated);
      continue;
    }
    (to_all ? stats_.broadcast_delivery : stats_.push_delivery).record(now - stamp->time_ns);
    add(stats_.delivered);
    if (verdict == Verdict::kLate) {
      add(stats_.late);
    }
    if (to_all) {
      add(stats_.broadcast_delivered);
    }
  }
}

}  // namespace pushwire::bench
