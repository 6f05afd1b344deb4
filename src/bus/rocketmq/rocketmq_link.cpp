#include "bus/rocketmq/rocketmq_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "bus/rocketmq/broker_reader.h"
#include "bus/rocketmq/broker_writer.h"
#include "bus/rocketmq/name_servers.h"
#include "bus/rocketmq/topic_creator.h"

namespace pushwire::bus::rocketmq {
namespace {

constexpr std::uint16_t kNameServerPort = 9876;
constexpr std::size_t kMaxTopicLength = 127;
// What may wait for answers here; beyond it the bus has to keep it.
constexpr std::size_t kMaxWaitingBytes = std::size_t{64} << 20;
// So long everything goes on while a broker that is there cannot be read.
constexpr MonotonicMs kGraceMs = 3'000;
// A broker that the route names but nobody reaches holds the start up no longer than this. What is published there
// later is read from the time of the start on.
constexpr MonotonicMs kStartMs = 5'000;
constexpr MonotonicMs kTickMs = 500;

// With the usual namespace the topic is the one of bus.rocketmq.topic; another namespace stands before it.
std::string topic_name(const Settings& settings) {
  return settings.name_space == Settings().name_space ? settings.rocketmq.topic
                                                      : settings.name_space + "-" + settings.rocketmq.topic;
}

bool is_topic_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxTopicLength && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '%' || c == '|';
  });
}

struct Broker {
  Broker(const TopicAccess& topic, BrokerEvents& events, const std::string& name)
      : reader(topic, events, name), writer(topic, events, name) {}

  BrokerReader reader;
  BrokerWriter writer;
  bool is_in_route = true;
};

}  // namespace

class RocketMqLink final : public Link, BrokerEvents, NameServerEvents, CreatorEvents, net::Timer {
 public:
  RocketMqLink(net::EventLoop& loop, LinkEvents& events, const Settings& settings)
      : settings_(settings),
        events_(events),
        topic_{{loop, {settings.rocketmq.access_key, settings.rocketmq.secret_key}, nullptr},
               topic_name(settings),
               settings.max_replay_age.count(),
               wall_ms(),
               false},
        creator_(topic_, *this) {}

  Result<> open() override;
  void send(const OutRecord& record) override;
  void flush() override;
  void pause() override;
  void resume() override;
  void close() override;
  // Whatever was stored while this node was away is still there.
  Capabilities capabilities() const override {
    return {.replay = true, .ordered = true, .at_least_once = true, .targeted = false};
  }
  std::size_t largest_record() const noexcept override { return kMaxBodyBytes; }

 private:
  struct Slot {
    BrokerWriter* writer;
    std::uint32_t queue;
  };

  // BrokerEvents
  void on_record(std::string_view bytes, std::string_view source) override { events_.on_record(bytes, source); }
  void on_gap(std::string_view reason) override { events_.on_gap(reason); }
  void on_sent(std::uint64_t number, SendResult result) override { events_.on_sent(number, result); }
  void on_route_doubt() override { name_servers_->refresh(); }
  void on_readable_changed() override { is_changed_ = true; }
  void on_writable_changed() override { is_changed_ = slots_are_old_ = true; }
  void on_writer_lost(std::string_view broker) override;
  // NameServerEvents
  void on_route(const Route& route) override;
  void on_topic_missing(const Route& makers) override;
  void on_no_name_server(std::string_view why) override;
  // CreatorEvents
  void on_asked(std::string_view problem) override;
  // net::Timer
  void on_timer(MonotonicMs now) override;

  std::optional<Slot> slot_of(std::uint64_t lane);
  bool refresh_slots();
  void judge();
  std::string problem(MonotonicMs now);
  std::string reading_problem(MonotonicMs now);
  std::string writing_problem() const;

  const Settings settings_;
  LinkEvents& events_;
  TopicAccess topic_;
  TopicCreator creator_;
  std::unique_ptr<NameServers> name_servers_;
  std::map<std::string, std::unique_ptr<Broker>, std::less<>> brokers_;  // never forgets one: it has its positions
  std::string no_route_ = "bus.rocketmq.name_servers: none has answered yet";
  std::vector<Slot> slots_;        // all writable queues, the same order on every node
  std::vector<Slot> ready_slots_;  // of brokers that are ready
  bool slots_are_old_ = false;
  bool is_changed_ = false;
  bool is_full_ = false;  // a record of this turn found no room
  bool is_up_ = false;
  bool is_paused_ = false;
  MonotonicMs opened_at_ = 0;
  MonotonicMs unreadable_since_ = 0;  // 0: everything can be read
};

// --- the life of the link ----------------------------------------------------------------------------------------

Result<> RocketMqLink::open() {
  const RocketMqSettings& own = settings_.rocketmq;
  if (!is_topic_name(topic_.topic)) {
    return fail(fmt::format(
        "bus.rocketmq.topic, bus.namespace: \"{}\" is no topic's name (1 to 127 of letters, digits, _, -, %, |)",
        topic_.topic));
  }
  if (own.access_key.empty() != own.secret_key.empty()) {
    return fail("bus.rocketmq.access_key, bus.rocketmq.secret_key: one needs the other");
  }
  std::vector<net::Endpoint> servers;
  for (const std::string& text : own.name_servers) {
    Result<net::Endpoint> endpoint = net::parse_endpoint(text, kNameServerPort);
    if (!endpoint) {
      return fail(fmt::format("bus.rocketmq.name_servers: {}", endpoint.error().message));
    }
    servers.push_back(std::move(*endpoint));
  }
  if (servers.empty()) {
    return fail("bus.rocketmq.name_servers: at least one is needed");
  }
  if (own.tls) {
    auto tls = net::make_tls_client(own.tls_ca);
    if (!tls) {
      return fail(fmt::format("bus.rocketmq.tls_ca: {}", tls.error().message));
    }
    topic_.tls = std::move(*tls);
  }
  topic_.started = wall_ms();
  opened_at_ = topic_.loop.now();
  NameServerEvents& name_server_events = *this;
  name_servers_ = std::make_unique<NameServers>(topic_, name_server_events, std::move(servers), topic_.topic);
  name_servers_->open();
  topic_.loop.timers().arm(*this, topic_.loop.now() + kTickMs);
  return {};
}

void RocketMqLink::close() {
  cancel();
  creator_.close();
  if (name_servers_) {
    name_servers_->close();
  }
  for (const auto& [name, broker] : brokers_) {
    broker->reader.close();
    broker->writer.close();
  }
}

void RocketMqLink::pause() {
  is_paused_ = true;
  for (const auto& [name, broker] : brokers_) {
    broker->reader.pause();
  }
}

void RocketMqLink::resume() {
  is_paused_ = false;
  for (const auto& [name, broker] : brokers_) {
    broker->reader.resume();
  }
}

void RocketMqLink::flush() {
  judge();  // first: what came up sends its records now
  is_full_ = false;
  if (name_servers_) {
    name_servers_->flush();
  }
  creator_.flush();
  for (const auto& [name, broker] : brokers_) {
    broker->reader.flush();
    broker->writer.flush();
  }
}

void RocketMqLink::on_timer(MonotonicMs now) {
  is_changed_ = true;  // time alone may have changed it
  topic_.loop.timers().arm(*this, now + kTickMs);
}

// --- the route ---------------------------------------------------------------------------------------------------

void RocketMqLink::on_route(const Route& route) {
  if (route.brokers.empty() && brokers_.empty()) {
    no_route_ = fmt::format("bus.rocketmq.topic: no broker of topic {} has a master", topic_.topic);
    is_changed_ = true;
    return;
  }
  for (const auto& [name, broker] : brokers_) {
    broker->is_in_route = route.brokers.empty() && broker->is_in_route;  // one without brokers says nothing of them
  }
  for (const BrokerRoute& entry : route.brokers) {
    std::unique_ptr<Broker>& broker = brokers_[entry.name];
    if (!broker) {
      log_info("bus rocketmq: broker {} at {} holds topic {} (queues: {} to read, {} to write)", entry.name,
               entry.master.to_string(), topic_.topic, entry.read_queues, entry.write_queues);
      BrokerEvents& broker_events = *this;
      broker = std::make_unique<Broker>(topic_, broker_events, entry.name);
      if (is_paused_) {
        broker->reader.pause();
      }
    }
    broker->is_in_route = true;
    const bool has_moved = broker->writer.queues() != entry.write_queues;
    broker->reader.set_route(entry.master, entry.read_queues);
    broker->writer.set_route(entry.master, entry.write_queues);
    slots_are_old_ = slots_are_old_ || has_moved;
  }
  is_changed_ = true;
}

void RocketMqLink::on_topic_missing(const Route& makers) {
  if (!brokers_.empty()) {
    return;  // a broker that comes back is not in the route for some seconds: its address is known
  }
  if (makers.brokers.empty()) {
    no_route_ = fmt::format(
        "bus.rocketmq.topic: there is no topic {}, and no broker that would create it; create it with {} queues",
        topic_.topic, TopicCreator::kQueues);
    is_changed_ = true;
    return;
  }
  creator_.create_at(makers.brokers);
}

void RocketMqLink::on_asked(std::string_view problem) {
  no_route_ = problem;
  is_changed_ = true;
  name_servers_->refresh();
}

void RocketMqLink::on_no_name_server(std::string_view why) {
  if (brokers_.empty()) {
    no_route_ = fmt::format("{}: {}", setting_for_loss(why), why);
    is_changed_ = true;
  }
}

void RocketMqLink::on_writer_lost(std::string_view broker) {
  if (const auto found = brokers_.find(broker); found != brokers_.end()) {
    found->second->reader.check();
  }
  name_servers_->refresh();
}

// --- records out -------------------------------------------------------------------------------------------------

void RocketMqLink::send(const OutRecord& record) {
  const std::optional<Slot> slot = slot_of(record.lane);
  // Once one had no room none goes in this turn: a smaller one of its lane must not overtake it.
  is_full_ = is_full_ || (slot && slot->writer->waiting_bytes() + record.bytes.size() > kMaxWaitingBytes);
  if (!slot || is_full_) {
    events_.on_sent(record.number, SendResult::kTryAgain);
    return;
  }
  slot->writer->send(slot->queue, record.number, record.bytes);
}

// A lane keeps its queue as long as that can be written, also when others come and go.
std::optional<RocketMqLink::Slot> RocketMqLink::slot_of(std::uint64_t lane) {
  if (slots_are_old_ && !refresh_slots()) {
    return std::nullopt;
  }
  if (ready_slots_.empty()) {
    return std::nullopt;
  }
  const Slot& own = slots_[lane % slots_.size()];
  return own.writer->is_ready() ? own : ready_slots_[lane % ready_slots_.size()];
}

// False while something is on its way: a lane that changed its queue could overtake itself.
bool RocketMqLink::refresh_slots() {
  const auto is_idle = [](const auto& entry) { return entry.second->writer.is_idle(); };
  if (!std::all_of(brokers_.begin(), brokers_.end(), is_idle)) {
    return false;
  }
  slots_.clear();
  ready_slots_.clear();
  for (const auto& [name, broker] : brokers_) {
    for (std::uint32_t queue = 0; queue < broker->writer.queues(); ++queue) {
      slots_.push_back({&broker->writer, queue});
      if (broker->writer.is_ready()) {
        ready_slots_.push_back({&broker->writer, queue});
      }
    }
  }
  slots_are_old_ = false;
  return true;
}

// --- up and down -------------------------------------------------------------------------------------------------

void RocketMqLink::judge() {
  if (!std::exchange(is_changed_, false)) {
    return;
  }
  std::string why = problem(topic_.loop.now());
  if (why.empty()) {
    if (!std::exchange(is_up_, true)) {
      topic_.has_been_up = true;
      events_.on_up();
    }
  } else if (is_up_ || topic_.loop.now() - opened_at_ >= kTickMs) {  // not before anything could answer
    is_up_ = false;
    events_.on_down(why);
  }
}

std::string RocketMqLink::problem(MonotonicMs now) {
  if (brokers_.empty()) {
    return no_route_;
  }
  std::string writing = writing_problem();
  std::string reading = reading_problem(now);
  return !writing.empty() ? writing : reading;
}

std::string RocketMqLink::writing_problem() const {
  std::string why;
  for (const auto& [name, broker] : brokers_) {
    if (broker->writer.is_ready()) {
      return {};
    }
    why = why.empty() ? broker->writer.problem() : why;
  }
  return why;
}

std::string RocketMqLink::reading_problem(MonotonicMs now) {
  std::string why;
  bool is_any_readable = false;
  const bool is_starting = !topic_.has_been_up && now - opened_at_ < kStartMs;
  for (const auto& [name, broker] : brokers_) {
    is_any_readable = is_any_readable || broker->reader.is_readable();
    if (!broker->is_in_route && broker->reader.is_denied()) {
      continue;  // the topic has left it: nobody writes there. It may come back, and is read on then
    }
    if (!broker->reader.is_readable() && (broker->reader.is_connected() || is_starting)) {
      why = broker->reader.problem();
    }
  }
  if (why.empty() && is_any_readable) {
    unreadable_since_ = 0;
    return {};
  }
  if (why.empty()) {
    why = brokers_.begin()->second->reader.problem();
  }
  if (unreadable_since_ == 0) {
    unreadable_since_ = std::max<MonotonicMs>(now, 1);
  }
  return is_up_ && now - unreadable_since_ < kGraceMs ? std::string() : why;
}

}  // namespace pushwire::bus::rocketmq

namespace pushwire::bus {

std::unique_ptr<Link> make_rocketmq_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings) {
  return std::make_unique<rocketmq::RocketMqLink>(loop, events, settings);
}

}  // namespace pushwire::bus
