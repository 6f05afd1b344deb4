// What becomes of the cluster when the servers lose what they stored, or some of them go.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <set>
#include <string>
#include <vector>

#include "adapters.h"
#include "cluster.h"

namespace pushwire::bus {
namespace {

using namespace std::chrono_literals;

class StoreContract : public testing::TestWithParam<Adapter> {};

// Somebody deletes the server's data, or it fails over to one that has none.
TEST_P(StoreContract, AServerThatLostItsDataIsAGapAndTheClusterGoesOn) {
  BusServer& server = open_server(GetParam());
  const Settings settings = fresh_settings(GetParam());
  Cluster cluster(settings, 2);
  Flow flow(cluster[0], 200);
  ASSERT_TRUE(eventually([&] { return cluster[1].recorder().count() >= 100; }));
  ASSERT_TRUE(server.wipe());
  EXPECT_TRUE(cluster.await_up());
  const std::size_t before = flow.published();
  EXPECT_TRUE(eventually([&] { return flow.published() >= before + 400; }));
  flow.stop();
  const auto accepted = flow.accepted();
  std::set<std::string> later;
  for (std::size_t i = before + 200; i < before + 400; ++i) {
    later.insert(flow.id(i));
  }
  EXPECT_EQ(accepted.count(flow.id(before + 300)), 1U);
  for (const auto& node : cluster.nodes()) {
    EXPECT_TRUE(eventually([&] { return lacking(*node, later).empty(); })) << node->name();
    EXPECT_GE(node->counters().gaps, 1U) << node->name();
  }
  expect_all_lost_counted(cluster, accepted, time_to_count(settings));
}

class TwoBrokers : public testing::TestWithParam<Adapter> {
 protected:
  static BusServer& server() {
    Adapter pair = GetParam();
    pair.name += " pair";
    pair.server.insert(pair.server.end(), {"--brokers", "2"});
    return open_server(pair);
  }
  static Settings settings() { return settings_with_outages(fresh_settings(GetParam(), server())); }
};

TEST_P(TwoBrokers, OneThatDiesIsReplacedByTheOtherAndReadWhenItIsBack) {
  Cluster cluster(settings(), 2);
  Flow flow(cluster[0], 300);
  ASSERT_TRUE(eventually([&] { return cluster[1].recorder().count() >= 300; }));
  server().signal(SIGKILL, "second");
  const std::size_t dead_at = flow.published();
  EXPECT_TRUE(eventually([&] { return flow.published() >= dead_at + 1'500; }));
  EXPECT_TRUE(cluster[0].bus().health().up) << "one broker is enough";
  EXPECT_EQ(cluster[0].publish_and_wait(envelope_to(EnvelopeKind::kUser, "eve", "while-1")), PublishOutcome::kAccepted);
  ASSERT_TRUE(server().restart("second"));
  const std::size_t back_at = flow.published();
  EXPECT_TRUE(eventually([&] { return flow.published() >= back_at + 600; }));
  flow.stop();
  auto accepted = flow.accepted();
  EXPECT_GT(accepted.size(), flow.published() * 9 / 10);
  accepted.insert("while-1");
  // What the dead one had taken and nobody had read yet comes after what went to the other one meanwhile.
  expect_nothing_lost(cluster, accepted, Order::kOpen);
}

TEST_P(TwoBrokers, GoOnWithoutANameServer) {
  Cluster cluster(settings(), 2);
  Flow flow(cluster[0], 300);
  ASSERT_TRUE(eventually([&] { return cluster[1].recorder().count() >= 100; }));
  server().signal(SIGKILL, "namesrv");
  const std::size_t dead_at = flow.published();
  EXPECT_TRUE(eventually([&] { return flow.published() >= dead_at + 1'500; }));
  EXPECT_TRUE(cluster[1].bus().health().up);
  ASSERT_TRUE(server().restart("namesrv"));
  flow.stop();
  const auto accepted = flow.accepted();
  EXPECT_EQ(accepted.size(), flow.published());
  expect_nothing_lost(cluster, accepted);
}

std::vector<Adapter> adapters_with_brokers() {
  std::vector<Adapter> all = adapters_with_servers();
  std::erase_if(all, [](const Adapter& one) { return one.kind != BusKind::kRocketMq; });
  return all;
}

INSTANTIATE_TEST_SUITE_P(Adapters, StoreContract, testing::ValuesIn(adapters_with_servers()),
                         [](const auto& adapter) { return adapter.param.name; });
INSTANTIATE_TEST_SUITE_P(Adapters, TwoBrokers, testing::ValuesIn(adapters_with_brokers()),
                         [](const auto& adapter) { return adapter.param.name; });

}  // namespace
}  // namespace pushwire::bus
