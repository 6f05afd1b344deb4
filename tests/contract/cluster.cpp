#include "cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "adapters.h"
#include "base/clock.h"

namespace pushwire::bus {

using namespace std::chrono_literals;

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds within) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return condition();
    }
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

Envelope envelope_to(EnvelopeKind kind, std::string key, std::string id) {
  Envelope envelope;
  envelope.kind = kind;
  envelope.key = std::move(key);
  envelope.id = std::move(id);
  envelope.payload = "1";
  envelope.born_ms = wall_ms();
  envelope.origin = "n1";
  return envelope;
}

// --- Recorder ----------------------------------------------------------------------------------------------------

Delivered Recorder::on_envelope(Envelope&& envelope) {
  const std::lock_guard lock(mutex_);
  ++calls_;
  if (envelope.kind == EnvelopeKind::kControl) {
    return Delivered::kAccepted;
  }
  if (pausing_) {
    return Delivered::kPause;
  }
  received_.push_back(std::move(envelope));
  changed_.notify_all();
  return Delivered::kAccepted;
}

void Recorder::on_published(PublishTicket ticket, PublishOutcome outcome) {
  const std::lock_guard lock(mutex_);
  ++calls_;
  outcomes_[ticket.call].push_back(outcome);
  changed_.notify_all();
}

void Recorder::set_pausing(bool pausing) {
  const std::lock_guard lock(mutex_);
  pausing_ = pausing;
}

std::vector<Envelope> Recorder::received(std::size_t count, std::chrono::milliseconds longer) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [&] { return received_.size() >= count; });
  changed_.wait_for(lock, longer, [&] { return received_.size() > count; });
  return received_;
}

std::size_t Recorder::count() {
  const std::lock_guard lock(mutex_);
  return received_.size();
}

std::vector<PublishOutcome> Recorder::outcomes(std::uint64_t call) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [&] { return !outcomes_[call].empty(); });
  return outcomes_[call];
}

bool Recorder::is_told(std::uint64_t call) {
  const std::lock_guard lock(mutex_);
  return outcomes_.count(call) != 0 && !outcomes_[call].empty();
}

std::size_t Recorder::calls() {
  const std::lock_guard lock(mutex_);
  return calls_;
}

// --- Node --------------------------------------------------------------------------------------------------------

Node::Node(const Settings& settings, std::string name) : name_(std::move(name)), bus_(make_test_bus(settings, name_)) {}

void Node::open() {
  const auto started = bus_->start(recorder_, recorder_);
  EXPECT_TRUE(started) << started.error().message;
}

void Node::start() {
  open();
  EXPECT_TRUE(await_up()) << name_ << ": " << bus_->health().reason;
}

bool Node::await_up() {
  return eventually([this] { return bus_->health().up; });
}

std::uint64_t Node::publish(Envelope envelope) {
  const std::uint64_t call = next_call_.fetch_add(1);
  if (const auto outcome = bus_->publish(std::move(envelope), {.worker = 0, .call = call})) {
    const std::lock_guard lock(mutex_);
    at_once_[call] = *outcome;
  }
  return call;
}

PublishOutcome Node::outcome(std::uint64_t call) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = at_once_.find(call); found != at_once_.end()) {
      return found->second;
    }
  }
  const auto told = recorder_.outcomes(call);
  EXPECT_EQ(told.size(), 1U) << "told exactly once, call " << call << " of " << name_;
  return told.empty() ? PublishOutcome::kUnavailable : told[0];
}

bool Node::is_told(std::uint64_t call) {
  {
    const std::lock_guard lock(mutex_);
    if (at_once_.count(call) != 0) {
      return true;
    }
  }
  return recorder_.is_told(call);
}

void Node::announce() {
  Envelope envelope = envelope_to(EnvelopeKind::kControl, "", "");
  envelope.origin = name_;
  (void)bus_->publish(std::move(envelope), {});
}

// --- Cluster -----------------------------------------------------------------------------------------------------

Cluster::Cluster(const Settings& settings, std::size_t nodes) {
  for (std::size_t i = 0; i < nodes; ++i) {
    nodes_.push_back(std::make_unique<Node>(settings, "n" + std::to_string(i + 1)));
    nodes_.back()->open();
  }
  await_up();
  announcer_ = std::thread([this] { announce_until_stopped(); });
}

Cluster::~Cluster() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  announcer_.join();
}

Node& Cluster::add(const Settings& settings) {
  const std::lock_guard lock(mutex_);
  return *nodes_.emplace_back(std::make_unique<Node>(settings, "n" + std::to_string(nodes_.size() + 1)));
}

bool Cluster::await_up() {
  bool all = true;
  for (const auto& node : nodes_) {
    const bool up = node->await_up();
    EXPECT_TRUE(up) << node->name() << ": " << node->bus().health().reason;
    all = all && up;
  }
  return all;
}

void Cluster::announce_until_stopped() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    for (const auto& node : nodes_) {
      node->announce();
    }
    stopped_.wait_for(lock, 500ms, [this] { return stopping_; });
  }
}

// --- Flow --------------------------------------------------------------------------------------------------------

Flow::Flow(Node& node, int per_second) : node_(node), thread_([this, per_second] { run(per_second); }) {}

void Flow::run(int per_second) {
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; !stopping_.load(); ++i) {
    Envelope envelope = envelope_to(EnvelopeKind::kUser, "user" + std::to_string(i % 7), id(i));
    envelope.origin = node_.name();
    calls_.push_back(node_.publish(std::move(envelope)));
    published_.store(i + 1);
    std::this_thread::sleep_until(begin + (i + 1) * std::chrono::microseconds(1'000'000 / per_second));
  }
}

void Flow::stop() {
  stopping_.store(true);
  if (thread_.joinable()) {
    thread_.join();
  }
}

std::set<std::string> Flow::accepted() {
  std::set<std::string> ids;
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    if (node_.outcome(calls_[i]) == PublishOutcome::kAccepted) {
      ids.insert(id(i));
    }
  }
  return ids;
}

// --- what came ---------------------------------------------------------------------------------------------------

std::set<std::string> ids_in_order(Node& node, Order order) {
  std::set<std::string> ids;
  std::map<std::string, long> last;
  for (const Envelope& envelope : node.recorder().received(0, 0ms)) {
    EXPECT_TRUE(ids.insert(envelope.id).second) << node.name() << " got " << envelope.id << " twice";
    const long number = std::stol(envelope.id.substr(envelope.id.rfind('-') + 1));
    const std::string stream =
        envelope.origin + " " + std::to_string(static_cast<int>(envelope.kind)) + " " + envelope.key;
    const auto [place, first] = last.emplace(stream, number);
    EXPECT_TRUE(first || order == Order::kOpen || place->second < number)
        << node.name() << ": " << stream << ": " << number << " came after " << place->second;
    place->second = number;
  }
  return ids;
}

std::set<std::string> lacking(Node& node, const std::set<std::string>& wanted) {
  std::set<std::string> got;
  for (const Envelope& envelope : node.recorder().received(0, 0ms)) {
    got.insert(envelope.id);
  }
  std::set<std::string> missing;
  std::set_difference(wanted.begin(), wanted.end(), got.begin(), got.end(), std::inserter(missing, missing.end()));
  return missing;
}

Settings settings_with_outages(Settings settings) {
  settings.max_replay_age = 1s;
  if (Node(settings, "n0").bus().capabilities().replay) {
    settings.max_replay_age = 120s;
  }
  return settings;
}

std::chrono::milliseconds time_to_count(const Settings& settings) {
  return settings.max_replay_age + 5s + 1s;
}

void expect_nothing_lost(Cluster& cluster, const std::set<std::string>& accepted, Order order) {
  for (const auto& node : cluster.nodes()) {
    EXPECT_TRUE(eventually([&] { return lacking(*node, accepted).empty(); }))
        << node->name() << " lacks " << lacking(*node, accepted).size();
    EXPECT_EQ(node->counters().missed, 0U) << node->name();
    (void)ids_in_order(*node, order);
  }
}

void expect_all_lost_counted(Cluster& cluster, const std::set<std::string>& accepted, std::chrono::milliseconds time) {
  for (const auto& node : cluster.nodes()) {
    EXPECT_TRUE(eventually([&] { return lacking(*node, accepted).size() <= node->counters().missed; }, kPatience))
        << node->name();
  }
  std::this_thread::sleep_for(time);  // it must not count more than that, so there is nothing to wait for
  for (const auto& node : cluster.nodes()) {
    EXPECT_EQ(node->counters().missed, lacking(*node, accepted).size()) << node->name();
    (void)ids_in_order(*node);
  }
}

}  // namespace pushwire::bus
