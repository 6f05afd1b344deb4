// What the contract's tests are made of: a node's bus with what it received, several nodes on one bus, and a flow of
// pushes. Each wait has an end; nothing sleeps to prove something.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "bus/bus.h"
#include "bus/settings.h"

namespace pushwire::bus {

constexpr std::chrono::seconds kPatience{30};  // a busy machine, a Java server just started

// Looks every few milliseconds whether `condition` holds; the last answer when the time is over.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds within = kPatience);

Envelope envelope_to(EnvelopeKind kind, std::string key, std::string id);

// Remembers what it is told, and may be told to pause. Any thread.
class Recorder final : public EnvelopeSink, public PublishListener {
 public:
  Delivered on_envelope(Envelope&& envelope) override;
  void on_published(PublishTicket ticket, PublishOutcome outcome) override;

  void set_pausing(bool pausing);
  // Waits for `count` pushes, and `longer` for those that should not come.
  std::vector<Envelope> received(std::size_t count, std::chrono::milliseconds longer = std::chrono::milliseconds{50});
  std::size_t count();
  // The outcomes told for one call; waits for the first.
  std::vector<PublishOutcome> outcomes(std::uint64_t call);
  bool is_told(std::uint64_t call);
  // All calls of both interfaces, announcements among them.
  std::size_t calls();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Envelope> received_;  // guarded by mutex_, as all below
  std::map<std::uint64_t, std::vector<PublishOutcome>> outcomes_;
  std::size_t calls_ = 0;
  bool pausing_ = false;
};

// One node: its bus and all that came of it. Stopped in the destructor.
class Node {
 public:
  Node(const Settings& settings, std::string name);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node() { stop(); }

  // Begins to connect; start() also waits until it is up.
  void open();
  void start();
  void stop() { bus_->stop(); }
  bool await_up();

  // The number of the call, for outcome(); also when the outcome was told at once.
  std::uint64_t publish(Envelope envelope);
  // Waits until it is told.
  PublishOutcome outcome(std::uint64_t call);
  PublishOutcome publish_and_wait(Envelope envelope) { return outcome(publish(std::move(envelope))); }
  // Whether it has been.
  bool is_told(std::uint64_t call);
  // What each node tells all others every 2 s, from which they see what they have missed.
  void announce();

  Bus& bus() noexcept { return *bus_; }
  Recorder& recorder() noexcept { return recorder_; }
  const std::string& name() const noexcept { return name_; }
  const BusCounters& counters() const noexcept { return bus_->counters(); }

 private:
  const std::string name_;
  Recorder recorder_;  // before the bus: it may call until stop() returns
  std::atomic<std::uint64_t> next_call_{1};
  std::mutex mutex_;
  std::map<std::uint64_t, PublishOutcome> at_once_;  // guarded by mutex_
  std::unique_ptr<Bus> bus_;
};

// Nodes on one bus, all up, that announce themselves.
class Cluster {
 public:
  Cluster(const Settings& settings, std::size_t nodes);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster();

  Node& operator[](std::size_t index) { return *nodes_[index]; }
  Node& add(const Settings& settings);
  std::vector<std::unique_ptr<Node>>& nodes() noexcept { return nodes_; }
  bool await_up();

 private:
  void announce_until_stopped();

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;                     // guarded by mutex_
  std::vector<std::unique_ptr<Node>> nodes_;  // grows under mutex_
  std::thread announcer_;
};

// Pushes at an even rate from one node, to several users in turn, until it is stopped.
class Flow {
 public:
  Flow(Node& node, int per_second);
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  ~Flow() { stop(); }

  void stop();
  // Given to publish() until now: "n1-0" to "n1-<count-1>".
  std::size_t published() const noexcept { return published_.load(); }
  std::string id(std::size_t index) const { return node_.name() + "-" + std::to_string(index); }
  // Waits for every outcome. Requires: stopped.
  std::set<std::string> accepted();

 private:
  void run(int per_second);

  Node& node_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> published_{0};
  std::vector<std::uint64_t> calls_;  // the thread's, until it has ended
  std::thread thread_;
};

enum class Order : std::uint8_t { kKept, kOpen };
// The ids that `node` received; fails the test if one came twice, or two of one publisher and key in wrong order.
std::set<std::string> ids_in_order(Node& node, Order order = Order::kKept);
// Those of `wanted` that `node` has not received.
std::set<std::string> lacking(Node& node, const std::set<std::string>& wanted);

// Settings that let a bus with a store replay whatever happens here, and one without count soon what it missed.
Settings settings_with_outages(Settings settings);
// How long a number may be missing before it counts (RemoteBus's grace), and a tick.
std::chrono::milliseconds time_to_count(const Settings& settings);
// What must hold for every node once all is quiet again: all that was accepted came once and in order or, where records
// get lost, each node has counted exactly what it lacks within `time`.
void expect_nothing_lost(Cluster& cluster, const std::set<std::string>& accepted, Order order = Order::kKept);
void expect_all_lost_counted(Cluster& cluster, const std::set<std::string>& accepted, std::chrono::milliseconds time);

}  // namespace pushwire::bus
