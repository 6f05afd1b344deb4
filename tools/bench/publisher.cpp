#include "bench/publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/clock.h"
#include "bench/stamp.h"

namespace pushwire::bench {
namespace {

std::int64_t due(std::int64_t start_ns, double interval_ns, std::uint64_t number) {
  return start_ns + static_cast<std::int64_t>(interval_ns * static_cast<double>(number));
}

void add(std::atomic<std::uint64_t>& counter) {
  counter.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

Publisher::Publisher(net::EventLoop& loop, const Plan& plan, const Share& share, SharedState& shared)
    : loop_(loop),
      plan_(plan),
      share_(share),
      shared_(shared),
      stats_(shared.loaders[share.process]),
      pushed_(share.users),
      excused_(share.users) {}

void Publisher::start(std::vector<std::uint32_t> users, std::uint64_t readers, std::int64_t now_ns) {
  const Options& options = plan_.options;
  users_ = std::move(users);
  readers_ = readers;
  start_ns_ = now_ns;
  end_ns_ = now_ns + static_cast<std::int64_t>(plan_.load_seconds() * 1e9);
  started_ = true;
  pushes_over_ = !plan_.pushes() || users_.empty();
  broadcasts_over_ = !plan_.broadcasts() || share_.process != 0;
  const bool counts_pushes = options.mode == Mode::kPush;
  max_pushes_ = counts_pushes && options.messages > 0
                    ? options.messages / share_.processes + (share_.process < options.messages % share_.processes)
                    : std::numeric_limits<std::uint64_t>::max();
  max_broadcasts_ =
      !counts_pushes && options.messages > 0 ? options.messages : std::numeric_limits<std::uint32_t>::max();
  push_interval_ns_ = options.rate > 0 ? 1e9 * share_.processes / options.rate : 0;
  broadcast_interval_ns_ = options.broadcast_rate > 0 ? 1e9 / options.broadcast_rate : 0;
  if (!pushes_over_) {
    const std::size_t wanted = std::max<std::size_t>(1, options.concurrency / share_.processes);
    for (std::size_t i = 0; i < std::min(wanted, users_.size()); ++i) {
      clients_.push_back(std::make_unique<HttpClient>(*this, i, push_target(i).url.address));
    }
  }
  turns_.assign(clients_.size(), 0);
  if (!broadcasts_over_) {
    clients_.push_back(std::make_unique<HttpClient>(*this, clients_.size(), plan_.broadcast_target->url.address));
  }
  if (push_interval_ns_ == 0) {
    for (std::size_t client = 0; client < turns_.size(); ++client) {
      push_next(client);
    }
  }
}

// Closed loop.
void Publisher::push_next(std::size_t client) {
  const std::int64_t now = monotonic_ns();
  if (may_push(now)) {
    push(client, now);
  }
}

void Publisher::step(std::int64_t now_ns) {
  if (!started_) {
    return;
  }
  step_pushes(now_ns);
  step_broadcasts(now_ns);
}

bool Publisher::may_push(std::int64_t due_ns) const noexcept {
  return pushes_ < max_pushes_ && due_ns < end_ns_ && failures_ < kMaxFailures;
}

void Publisher::step_pushes(std::int64_t now_ns) {
  if (pushes_over_ || push_interval_ns_ == 0) {
    pushes_over_ = pushes_over_ || !may_push(now_ns);
    return;
  }
  for (std::int64_t at = due(start_ns_, push_interval_ns_, pushes_); at <= now_ns && !pushes_over_;
       at = due(start_ns_, push_interval_ns_, pushes_)) {
    if (!may_push(at)) {
      pushes_over_ = true;
    } else if (open_ >= kMaxWaiting) {
      add(stats_.unsent);
      ++pushes_;
    } else {
      push(pushes_ % turns_.size(), at);
    }
  }
}

bool Publisher::previous_broadcast_arrived() const noexcept {
  std::uint64_t arrived = 0;
  for (std::uint32_t i = 0; i < share_.processes; ++i) {
    arrived += shared_.loaders[i].broadcast_delivered.load(std::memory_order_relaxed);
  }
  return arrived >= readers_ * broadcasts_ && clients_.back()->open() == 0;
}

void Publisher::step_broadcasts(std::int64_t now_ns) {
  if (broadcasts_over_) {
    return;
  }
  while (!broadcasts_over_) {
    const bool scheduled = broadcast_interval_ns_ > 0;
    const std::int64_t at = scheduled ? due(start_ns_, broadcast_interval_ns_, broadcasts_) : now_ns;
    if (broadcasts_ >= max_broadcasts_ || at >= end_ns_ || failures_ >= kMaxFailures ||
        (pushes_over_ && plan_.options.mode == Mode::kPush)) {
      broadcasts_over_ = true;
    } else if (scheduled ? at > now_ns : !previous_broadcast_arrived()) {
      return;
    } else {
      broadcast(at);
    }
  }
}

std::int64_t Publisher::next_due_ns() const noexcept {
  std::int64_t next = 0;
  const auto take = [&next](std::int64_t at) { next = next == 0 ? at : std::min(next, at); };
  if (started_ && !pushes_over_ && push_interval_ns_ > 0) {
    take(due(start_ns_, push_interval_ns_, pushes_));
  }
  if (started_ && !broadcasts_over_ && broadcast_interval_ns_ > 0) {
    take(due(start_ns_, broadcast_interval_ns_, broadcasts_));
  }
  return next;
}

// Its own users in an order that jumps about, as real pushes do, and takes each one equally often.
std::uint32_t Publisher::next_user(std::size_t client) {
  const std::size_t step = turns_.size();
  const std::size_t own = (users_.size() - client - 1) / step + 1;
  std::size_t stride = own * 618 / 1000 + 1;
  while (std::gcd(stride, own) != 1) {
    ++stride;
  }
  return users_[client + step * (turns_[client]++ * stride % own)];
}

void Publisher::push(std::size_t client, std::int64_t due_ns) {
  const std::uint32_t local = next_user(client);
  const std::uint32_t user = share_.first_user + local;
  const std::uint32_t number = ++pushed_[local];
  const Stamp stamp{shared_.control.run, Stream::kUser, user, number, due_ns};
  ++pushes_;
  ++open_;
  add(stats_.requests);
  clients_[client]->send(
      {http_request(push_target(client), plan_.push_body, user, write_stamp(stamp, plan_.options.size)), due_ns, local,
       number, false});
}

void Publisher::broadcast(std::int64_t due_ns) {
  const std::uint32_t number = ++broadcasts_;
  shared_.control.broadcasts.store(number, std::memory_order_release);
  const Stamp stamp{shared_.control.run, Stream::kAll, 0, number, due_ns};
  ++open_;
  add(stats_.requests);
  clients_.back()->send(
      {http_request(*plan_.broadcast_target, plan_.broadcast_body, 0, write_stamp(stamp, plan_.options.size)), due_ns,
       0, number, true});
}

std::string Publisher::http_request(const Target& target, const TextTemplate& body, std::uint32_t user,
                                    std::string_view payload) {
  TemplateValues values;
  values.user = user;
  values.id = ++ids_ * kMaxLoaders + share_.process;
  values.payload = payload;
  const std::string text = body.fill(values);
  std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", plan_.options.method,
                                    target.path.fill(values), target.url.authority, text.size());
  for (const TextTemplate& header : plan_.publish_headers) {
    request += header.fill(values) + "\r\n";
  }
  return request + "\r\n" + text;
}

void Publisher::on_answer(std::size_t client, const PublishRequest& request, int status, std::string_view why) {
  const std::int64_t now = monotonic_ns();
  --open_;
  if (status >= 200 && status < 300) {
    add(stats_.answered);
    stats_.request.record(now - request.due_ns);
    accepted_pushes_ += request.to_all ? 0 : 1;
  } else {
    refuse(request);
    note_trouble(stats_, why.empty() ? fmt::format("a publish request was answered {}", status)
                                     : fmt::format("a publish request was not answered: {}", why));
  }
  if (!request.to_all && push_interval_ns_ == 0) {
    push_next(client);
  }
}

void Publisher::refuse(const PublishRequest& request) {
  add(stats_.refused);
  ++failures_;
  if (!request.to_all) {
    excused_[request.user].insert(request.number);
    return;
  }
  Control& control = shared_.control;
  const std::uint32_t at = control.refused.load(std::memory_order_relaxed);
  if (at < control.refusals.size()) {
    control.refusals[at] = request.number;
    control.refused.store(at + 1, std::memory_order_release);
  }
}

const std::unordered_set<std::uint32_t>& Publisher::excused(std::uint32_t local_user) const {
  return excused_[local_user];
}

std::unordered_set<std::uint32_t> Publisher::excused_broadcasts() const {
  const std::uint32_t count = shared_.control.refused.load(std::memory_order_acquire);
  return {shared_.control.refusals.begin(), shared_.control.refusals.begin() + count};
}

}  // namespace pushwire::bench
