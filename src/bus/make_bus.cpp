#include "bus/make_bus.h"

#include <array>

#include "bus/embedded/embedded_bus.h"
#include "bus/kafka/kafka_link.h"
#include "bus/nats/nats_link.h"
#include "bus/redis/redis_link.h"
#include "bus/remote_bus.h"
#include "bus/rocketmq/rocketmq_link.h"
#include "bus/zookeeper/zookeeper_link.h"

namespace pushwire::bus {
namespace {

struct Adapter {
  BusKind kind;
  std::string_view name;
  std::unique_ptr<Link> (*make_link)(net::EventLoop&, LinkEvents&, const Settings&);  // null: needs none
};

constexpr std::array kAdapters = {
    Adapter{BusKind::kEmbedded, "embedded", nullptr},
    Adapter{BusKind::kKafka, "kafka", make_kafka_link},
    Adapter{BusKind::kRedis, "redis", make_redis_link},
    Adapter{BusKind::kNats, "nats", make_nats_link},
    Adapter{BusKind::kRocketMq, "rocketmq", make_rocketmq_link},
    Adapter{BusKind::kZooKeeper, "zookeeper", make_zookeeper_link},
};

const Adapter* adapter_of(BusKind kind) noexcept {
  for (const Adapter& adapter : kAdapters) {
    if (adapter.kind == kind) {
      return &adapter;
    }
  }
  return nullptr;
}

}  // namespace

std::string_view name_of(BusKind kind) noexcept {
  const Adapter* adapter = adapter_of(kind);
  return adapter == nullptr ? "unknown" : adapter->name;
}

Result<std::unique_ptr<Bus>> make_bus(const Settings& settings, std::string_view node) {
  const Adapter* adapter = adapter_of(settings.kind);
  if (adapter == nullptr) {
    return fail("bus.kind: this build has no such bus");
  }
  if (adapter->make_link == nullptr) {
    return std::unique_ptr<Bus>(std::make_unique<EmbeddedBus>());
  }
  return std::unique_ptr<Bus>(std::make_unique<RemoteBus>(adapter->name, settings, node, adapter->make_link));
}

}  // namespace pushwire::bus
