#include "adapters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <stdexcept>

#include "bus/make_bus.h"
#include "bus/remote_bus.h"
#if __has_include("bus/kafka/kafka_link.h")
#include "bus/kafka/kafka_link.h"
#define PW_KAFKA make_kafka_link
#else
#define PW_KAFKA nullptr
#endif
#if __has_include("bus/nats/nats_link.h")
#include "bus/nats/nats_link.h"
#define PW_NATS make_nats_link
#else
#define PW_NATS nullptr
#endif
#if __has_include("bus/redis/redis_link.h")
#include "bus/redis/redis_link.h"
#define PW_REDIS make_redis_link
#else
#define PW_REDIS nullptr
#endif
#if __has_include("bus/rocketmq/rocketmq_link.h")
#include "bus/rocketmq/rocketmq_link.h"
#define PW_ROCKETMQ make_rocketmq_link
#else
#define PW_ROCKETMQ nullptr
#endif
#if __has_include("bus/zookeeper/zookeeper_link.h")
#include "bus/zookeeper/zookeeper_link.h"
#define PW_ZOOKEEPER make_zookeeper_link
#else
#define PW_ZOOKEEPER nullptr
#endif

// Debian's ZooKeeper client frees no request that is unanswered when its handle is closed (its destroy() queues the
// answers after the thread that would take them has ended): 168 bytes each, and only at the end of a session.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libzookeeper_mt";
}

namespace pushwire::bus {
namespace {

std::map<std::string, std::unique_ptr<BusServer>>& servers() {
  static std::map<std::string, std::unique_ptr<BusServer>> all;
  return all;
}

BusServer& server_named(const std::string& name, const std::vector<std::string>& arguments) {
  std::unique_ptr<BusServer>& server = servers()[name];
  if (server == nullptr) {
    server = std::make_unique<BusServer>(arguments);
  }
  if (!server->started() && !server->start()) {
    throw std::runtime_error(name + ": no server");  // else the test would run against whatever has its default port
  }
  return *server;
}

// Before the sanitizers look for leaks, and whatever the tests did.
class StopServers final : public testing::Environment {
 public:
  void TearDown() override { stop_servers(); }
};
[[maybe_unused]] const testing::Environment* const kStopServers = testing::AddGlobalTestEnvironment(new StopServers);

// Each test program uses a server of its own, but its tests share it.
std::string fresh_name() {
  static std::atomic<int> next{1};
  return "contract" + std::to_string(next.fetch_add(1));
}

}  // namespace

std::string Adapter::address_key() const {
  switch (kind) {
    case BusKind::kRocketMq:
      return "bus.rocketmq.name_servers";
    case BusKind::kRedis:
      return "bus.redis.address";
    case BusKind::kNats:
      return "bus.nats.servers";
    case BusKind::kKafka:
      return "bus.kafka.brokers";
    case BusKind::kZooKeeper:
      return "bus.zookeeper.servers";
    case BusKind::kEmbedded:
      break;
  }
  return "";
}

std::string Adapter::password_key() const {
  switch (kind) {
    case BusKind::kRocketMq:
      return "bus.rocketmq.secret_key";
    case BusKind::kRedis:
      return "bus.redis.password";
    case BusKind::kNats:
      return "bus.nats.password";
    case BusKind::kKafka:
      return "bus.kafka.password";
    case BusKind::kZooKeeper:
    case BusKind::kEmbedded:
      break;
  }
  return "";
}

std::string Adapter::topic_key() const {
  if (kind == BusKind::kRocketMq) {
    return "bus.rocketmq.topic";
  }
  return kind == BusKind::kKafka ? "bus.kafka.topic" : "";
}

std::ostream& operator<<(std::ostream& out, const Adapter& adapter) {
  return out << adapter.name;
}

std::vector<Adapter> all_adapters() {
  std::vector<Adapter> all{
      {.name = "embedded", .kind = BusKind::kEmbedded, .server = {}},
      {.name = "redis_pubsub", .kind = BusKind::kRedis, .server = {"redis"}, .make_link = PW_REDIS},
      {.name = "redis_streams",
       .kind = BusKind::kRedis,
       .server = {"redis", "--durable"},
       .redis_mode = RedisMode::kStreams,
       .make_link = PW_REDIS},
      {.name = "nats_core", .kind = BusKind::kNats, .server = {"nats"}, .make_link = PW_NATS},
      {.name = "nats_jetstream",
       .kind = BusKind::kNats,
       .server = {"nats"},
       .nats_mode = NatsMode::kJetStream,
       .make_link = PW_NATS},
      {.name = "kafka", .kind = BusKind::kKafka, .server = {"kafka"}, .make_link = PW_KAFKA},
      {.name = "zookeeper", .kind = BusKind::kZooKeeper, .server = {"zookeeper"}, .make_link = PW_ZOOKEEPER},
      {.name = "rocketmq_533",
       .kind = BusKind::kRocketMq,
       .server = {"rocketmq", "--version", "5.3.3"},
       .make_link = PW_ROCKETMQ},
      {.name = "rocketmq_550",
       .kind = BusKind::kRocketMq,
       .server = {"rocketmq", "--version", "5.5.0"},
       .make_link = PW_ROCKETMQ},
  };
  all.erase(std::remove_if(all.begin(), all.end(),
                           [](const Adapter& one) { return one.has_server() && one.make_link == nullptr; }),
            all.end());
  return all;
}

std::vector<Adapter> adapters_with_servers() {
  std::vector<Adapter> all = all_adapters();
  all.erase(std::remove_if(all.begin(), all.end(), [](const Adapter& one) { return !one.has_server(); }), all.end());
  return all;
}

BusServer& open_server(const Adapter& adapter) {
  return server_named(adapter.name, adapter.server);
}

BusServer& guarded_server(const Adapter& adapter) {
  std::vector<std::string> arguments = adapter.server;
  if (!adapter.password_key().empty()) {
    arguments.insert(arguments.end(), {"--tls", "--user", "gateway", "--password", "secret123"});
  }
  arguments.insert(arguments.end(), {"--advertise", "127.0.0.2", "--no-create"});
  return server_named(adapter.name + " guarded", arguments);
}

std::unique_ptr<Bus> make_test_bus(const Settings& settings, const std::string& node) {
  if (name_of(settings.kind) == "unknown") {
    for (const Adapter& adapter : adapters_with_servers()) {
      if (adapter.kind == settings.kind) {
        return std::make_unique<RemoteBus>(adapter.name, settings, node, adapter.make_link);
      }
    }
  }
  auto made = make_bus(settings, node);
  if (!made) {
    throw std::runtime_error(made.error().message);
  }
  return std::move(*made);
}

void stop_servers() {
  servers().clear();
}

Settings fresh_settings(const Adapter& adapter, const BusServer& server) {
  Settings settings = server.settings();
  settings.name_space = fresh_name();
  settings.redis.mode = adapter.redis_mode;
  settings.nats.mode = adapter.nats_mode;
  return settings;
}

void set_address(Settings& settings, const std::string& address) {
  settings.redis.address = address;
  settings.rocketmq.name_servers = {address};
  settings.nats.servers = {address};
  settings.kafka.brokers = {address};
  settings.zookeeper.servers = {address};
}

Settings through_proxy(Settings settings, const BusServer& server) {
  set_address(settings, "127.0.0.2:" + std::to_string(server.ports().at("port")));
  return settings;
}

Settings fresh_settings(const Adapter& adapter) {
  if (adapter.has_server()) {
    return fresh_settings(adapter, open_server(adapter));
  }
  Settings settings;
  settings.kind = adapter.kind;
  return settings;
}

}  // namespace pushwire::bus
