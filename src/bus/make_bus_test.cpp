#include "bus/make_bus.h"

#include <gtest/gtest.h>

namespace pushwire::bus {
namespace {

constexpr BusKind kKinds[] = {BusKind::kEmbedded, BusKind::kRocketMq, BusKind::kRedis,
                              BusKind::kNats,     BusKind::kKafka,    BusKind::kZooKeeper};

TEST(MakeBus, MakesEachKindUnderItsNameWithoutConnecting) {
  for (const BusKind kind : kKinds) {
    Settings settings;
    settings.kind = kind;
    const auto bus = make_bus(settings, "n1");
    ASSERT_TRUE(bus);
    EXPECT_EQ((*bus)->name(), name_of(kind));
    EXPECT_FALSE((*bus)->health().up);
    EXPECT_FALSE((*bus)->health().reason.empty());
  }
}

TEST(MakeBus, SaysWhatEachKindPromises) {
  const auto promise = [](Settings settings) { return (*make_bus(settings, "n1"))->capabilities(); };
  Settings settings;
  settings.kind = BusKind::kRedis;
  EXPECT_FALSE(promise(settings).replay);
  settings.redis.mode = RedisMode::kStreams;
  EXPECT_TRUE(promise(settings).replay);
  settings.kind = BusKind::kNats;
  EXPECT_FALSE(promise(settings).replay);
  settings.nats.mode = NatsMode::kJetStream;
  EXPECT_TRUE(promise(settings).replay);
  for (const BusKind kind : {BusKind::kRocketMq, BusKind::kKafka}) {
    settings.kind = kind;
    EXPECT_TRUE(promise(settings).replay && promise(settings).ordered && promise(settings).at_least_once);
  }
}

}  // namespace
}  // namespace pushwire::bus
