// Several nodes on one real server: everything that was accepted reaches each of them once, whatever happens between.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "adapters.h"
#include "bus/envelope_codec.h"
#include "cluster.h"
#include "fault_proxy.h"
#include "raw_link.h"

namespace pushwire::bus {
namespace {

using namespace std::chrono_literals;

class ClusterContract : public testing::TestWithParam<Adapter> {
 protected:
  BusServer& server() { return open_server(GetParam()); }

  Settings settings_with_outages() { return pushwire::bus::settings_with_outages(fresh_settings(GetParam())); }

  // What the bus promises, or else exactly what it lost.
  static void expect_nothing_lost_silently(Cluster& cluster, const std::set<std::string>& accepted) {
    if (cluster[0].bus().capabilities().at_least_once) {
      expect_nothing_lost(cluster, accepted);
    } else {
      expect_all_lost_counted(cluster, accepted, kCounted);
    }
  }
  // How long a number may be missing before it counts, where the bus keeps nothing: settings_with_outages().
  static constexpr auto kCounted = 1s + 5s + 1s;
};

TEST_P(ClusterContract, EachNodeGetsEachMessageOnceAndInOrder) {
  constexpr std::size_t kNodes = 3;
  constexpr std::size_t kEach = 200;
  Cluster cluster(fresh_settings(GetParam()), kNodes);
  std::vector<std::thread> threads;
  for (const auto& node : cluster.nodes()) {
    threads.emplace_back([&node = *node] {
      std::vector<std::uint64_t> calls;
      for (std::size_t i = 0; i < kEach; ++i) {
        Envelope envelope = envelope_to(i % 2 == 0 ? EnvelopeKind::kUser : EnvelopeKind::kTopic,
                                        "key" + std::to_string(i % 3), node.name() + "-" + std::to_string(i));
        envelope.origin = node.name();
        calls.push_back(node.publish(std::move(envelope)));
      }
      for (const std::uint64_t call : calls) {
        EXPECT_EQ(node.outcome(call), PublishOutcome::kAccepted);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const auto& node : cluster.nodes()) {
    EXPECT_EQ(node->recorder().received(kNodes * kEach).size(), kNodes * kEach) << node->name();
    EXPECT_EQ(ids_in_order(*node).size(), kNodes * kEach) << node->name();
    EXPECT_EQ(node->counters().missed, 0U);
    EXPECT_EQ(node->counters().gaps, 0U);
  }
}

TEST_P(ClusterContract, CarriesTheLargestRecordAndRefusesOneByteMore) {
  Cluster cluster(fresh_settings(GetParam()), 2);
  const std::size_t largest = cluster[0].bus().largest_record();
  ASSERT_GE(largest, 512U * 1024);
  Envelope envelope = envelope_to(EnvelopeKind::kAll, "", "n1-1");
  envelope.payload.assign(largest / 2, 'x');
  envelope.payload.append(largest - encode_record(envelope, 1).size(), 'y');
  ASSERT_EQ(encode_record(envelope, 1).size(), largest);
  const std::string payload = envelope.payload;
  EXPECT_EQ(cluster[0].publish_and_wait(envelope), PublishOutcome::kAccepted);
  envelope.payload += 'z';
  EXPECT_EQ(cluster[0].publish_and_wait(envelope), PublishOutcome::kTooLarge);
  EXPECT_EQ(cluster[0].publish_and_wait(envelope_to(EnvelopeKind::kAll, "", "n1-2")), PublishOutcome::kAccepted);
  for (const auto& node : cluster.nodes()) {
    const auto received = node->recorder().received(2);
    ASSERT_EQ(received.size(), 2U);
    const Envelope& big = received[0].id == "n1-1" ? received[0] : received[1];
    EXPECT_TRUE(big.payload == payload);
  }
}

TEST_P(ClusterContract, SkipsAndCountsWhatItCannotRead) {
  const Settings settings = fresh_settings(GetParam());
  Cluster cluster(settings, 2);
  const std::string good = encode_record(envelope_to(EnvelopeKind::kUser, "alice", "poison"), 1);
  std::string newer = good;
  newer[2] = newer[3] = 99;  // the version that wrote it, and the oldest that can read it
  RawLink raw(GetParam(), settings);
  EXPECT_TRUE(raw.put("what is this?"));
  EXPECT_TRUE(raw.put(newer));
  EXPECT_TRUE(raw.put(std::string_view(good).substr(0, good.size() - 3)));
  EXPECT_EQ(cluster[0].publish_and_wait(envelope_to(EnvelopeKind::kUser, "alice", "n1-1")), PublishOutcome::kAccepted);
  for (const auto& node : cluster.nodes()) {
    EXPECT_TRUE(eventually([&] { return node->counters().unreadable == 3; })) << node->counters().unreadable;
    const auto received = node->recorder().received(1);
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received[0].id, "n1-1");
    EXPECT_TRUE(node->bus().health().up);
  }
}

TEST_P(ClusterContract, ANodeThatJoinsGetsAllThatIsPublishedOnceItIsUp) {
  const Settings settings = fresh_settings(GetParam());
  Cluster cluster(settings, 1);
  Flow flow(cluster[0], 500);
  std::vector<std::size_t> first;
  for (int i = 0; i < 2; ++i) {
    Node& joined = cluster.add(settings);
    joined.start();
    first.push_back(flow.published() + 1);  // one may be inside publish() now
  }
  ASSERT_TRUE(eventually([&] { return flow.published() > first.back() + 300; }));
  flow.stop();
  const std::set<std::string> accepted = flow.accepted();
  EXPECT_EQ(accepted.size(), flow.published());
  for (std::size_t i = 0; i < first.size(); ++i) {
    std::set<std::string> expected;
    for (std::size_t index = first[i]; index < flow.published(); ++index) {
      expected.insert(flow.id(index));
    }
    Node& joined = cluster[i + 1];
    EXPECT_TRUE(eventually([&] { return lacking(joined, expected).empty(); }))
        << joined.name() << " lacks " << lacking(joined, expected).size() << " of " << expected.size();
    EXPECT_EQ(joined.counters().missed, 0U);
    (void)ids_in_order(joined);
  }
}

TEST_P(ClusterContract, ANodeThatPausesHurtsNoOtherAndLosesNothing) {
  Cluster cluster(fresh_settings(GetParam()), 3);
  cluster[1].recorder().set_pausing(true);
  Flow flow(cluster[0], 500);
  std::this_thread::sleep_for(2s);
  flow.stop();
  const std::set<std::string> accepted = flow.accepted();
  EXPECT_EQ(accepted.size(), flow.published());
  for (const std::size_t other : {std::size_t{0}, std::size_t{2}}) {
    EXPECT_TRUE(eventually([&] { return lacking(cluster[other], accepted).empty(); }, 10s));
  }
  EXPECT_EQ(cluster[1].recorder().count(), 0U);
  cluster[1].recorder().set_pausing(false);
  EXPECT_TRUE(eventually([&] { return lacking(cluster[1], accepted).empty(); }));
  EXPECT_EQ(cluster[1].counters().missed, 0U);
  (void)ids_in_order(cluster[1]);
}

TEST_P(ClusterContract, AServerThatStandsStillFor5SecondsLosesNothingSilently) {
  const Settings settings = settings_with_outages();
  Cluster cluster(settings, 2);
  Flow flow(cluster[0], 100);
  ASSERT_TRUE(eventually([&] { return cluster[1].recorder().count() >= 20; }));
  server().signal(SIGSTOP);
  std::this_thread::sleep_for(5s);
  const std::size_t before = flow.published();
  server().signal(SIGCONT);
  EXPECT_TRUE(cluster.await_up());
  EXPECT_TRUE(eventually([&] { return flow.published() >= before + 50; }));
  flow.stop();
  const auto accepted = flow.accepted();
  EXPECT_LT(accepted.size(), flow.published()) << "nothing is confirmed by a server that stands still";
  EXPECT_GT(accepted.size(), 50U);
  expect_nothing_lost_silently(cluster, accepted);
  EXPECT_TRUE(eventually([&] { return cluster[0].counters().waiting_bytes == 0; }));
}

// One node loses its connection while the others go on: what it lacks afterwards is what its bus does not keep.
TEST_P(ClusterContract, ANodeThatIsCutOffGetsWhatItMissedOrCountsItExactly) {
  if (!GetParam().topic_key().empty()) {
    return;  // its servers name their addresses themselves, so that no node goes through a proxy alone
  }
  const Settings settings = settings_with_outages();
  FaultProxy proxy({server().ports().at("port")});
  Cluster cluster(settings, 2);
  Node& remote = cluster.add(through_proxy(settings, server()));
  remote.start();
  Flow flow(cluster[0], 300);
  ASSERT_TRUE(eventually([&] { return remote.recorder().count() >= 100; }));
  proxy.cut_after(0);
  ASSERT_TRUE(eventually([&] { return proxy.has_cut(); }));
  const std::size_t cut_at = flow.published();
  // ZooKeeper's server forgets a session after 6 s.
  const std::size_t away = GetParam().kind == BusKind::kZooKeeper ? 2'700 : 300;
  EXPECT_TRUE(eventually([&] { return flow.published() >= cut_at + away && !remote.bus().health().up; }));
  proxy.heal();
  EXPECT_TRUE(cluster.await_up());
  const std::size_t healed_at = flow.published();
  EXPECT_TRUE(eventually([&] { return flow.published() >= healed_at + 200; }));
  flow.stop();
  const auto accepted = flow.accepted();
  EXPECT_EQ(accepted.size(), flow.published()) << "the publisher was never cut off";
  expect_nothing_lost_silently(cluster, accepted);
  EXPECT_TRUE(lacking(cluster[1], accepted).empty());
  EXPECT_NE(lacking(remote, accepted).empty(), !remote.bus().capabilities().replay);
  EXPECT_EQ(remote.counters().gaps >= 1, !remote.bus().capabilities().replay);
}

class KilledServer : public ClusterContract {
 protected:
  // The server has been killed: what is published now is refused in time, with the reason for an operator.
  void expect_refusal(Node& node, std::chrono::milliseconds timeout) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(node.publish_and_wait(envelope_to(EnvelopeKind::kUser, "alice", "away-0")), PublishOutcome::kUnavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, timeout + 1s);
    EXPECT_TRUE(eventually([&] { return !node.bus().health().up; }, 10s));
    EXPECT_NE(node.bus().health().reason.find(GetParam().address_key()), std::string::npos)
        << node.bus().health().reason;
  }
};

TEST_P(KilledServer, LosesNothingThatWasAcceptedOrCountsExactlyWhatIsLost) {
  const Settings settings = settings_with_outages();
  Cluster cluster(settings, 2);
  const bool replays = cluster[0].bus().capabilities().replay;
  Flow flow(cluster[0], 300);
  ASSERT_TRUE(eventually([&] { return cluster[1].recorder().count() >= 100; }));
  server().signal(SIGKILL, GetParam().store_process());
  expect_refusal(cluster[1], settings.publish_timeout);
  ASSERT_TRUE(server().restart(GetParam().store_process()));
  EXPECT_TRUE(cluster.await_up());
  const std::size_t before = flow.published();
  EXPECT_TRUE(eventually([&] { return flow.published() >= before + 300; }));
  flow.stop();
  const auto accepted = flow.accepted();
  EXPECT_GT(accepted.size(), 300U);
  expect_nothing_lost_silently(cluster, accepted);
  for (const auto& node : cluster.nodes()) {
    EXPECT_TRUE(eventually([&] { return node->counters().waiting_bytes == 0; }));
    EXPECT_GE(node->counters().reconnects, 1U);
    EXPECT_TRUE(replays || node->counters().gaps >= 1) << "a bus without replay says that it may have missed some";
  }
}

INSTANTIATE_TEST_SUITE_P(Adapters, ClusterContract, testing::ValuesIn(adapters_with_servers()),
                         [](const auto& adapter) { return adapter.param.name; });
INSTANTIATE_TEST_SUITE_P(Adapters, KilledServer, testing::ValuesIn(adapters_with_servers()),
                         [](const auto& adapter) { return adapter.param.name; });

}  // namespace
}  // namespace pushwire::bus
