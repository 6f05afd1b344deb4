#include "hub/cluster.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hub/cluster_test_support.h"

namespace pushwire::hub {
namespace {

using namespace test;

TEST_F(ClusterTest, NodesKnowEachOtherSoonAfterTheyStartAndTellWhatTheyHold) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  n2.state.connections = 7;
  pass(200);
  EXPECT_EQ(n1.sees(), Names{"n2"});
  Node& n3 = add("n3");
  pass(200);
  EXPECT_EQ(n3.sees(), (Names{"n1", "n2"})) << "a new one need not wait until the others speak by themselves";
  EXPECT_EQ(n1.sees(), (Names{"n2", "n3"}));
  EXPECT_EQ(n1.cluster.others()[0].state.connections, 7U);
  n2.state.connections = 8;
  n2.state.draining = true;
  pass(2'100);
  EXPECT_EQ(n1.cluster.others()[0].state.connections, 8U);
  EXPECT_TRUE(n1.cluster.others()[0].state.draining);
  EXPECT_EQ(n1.cluster.living(), 3U);
}

TEST_F(ClusterTest, AnnouncesItselfEveryTwoSeconds) {
  add("n1");
  pass(100);
  heard_.clear();
  pass(20'000);
  EXPECT_EQ(heard_.size(), 10U);
}

TEST_F(ClusterTest, ANodeThatIsSilentForTenSecondsHasGone) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  pass(200);
  n2.deaf = true;
  pass(9'900);
  EXPECT_EQ(n1.sees(), Names{"n2"});
  pass(2'200);
  EXPECT_EQ(n1.sees(), Names{});
  EXPECT_EQ(n1.cluster.living(), 1U);
  n2.deaf = false;
  pass(200);
  EXPECT_EQ(n1.sees(), Names{"n2"});
  EXPECT_EQ(n2.sees(), Names{"n1"}) << "it does not take its own silence for the others'";
}

TEST_F(ClusterTest, ANodeThatSaysGoodbyeHasGoneAtOnce) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  pass(200);
  n2.cluster.leave();
  n2.cluster.leave();
  talk();
  EXPECT_EQ(n1.sees(), Names{});
  pass(5'000);
  EXPECT_EQ(n1.sees(), Names{}) << "and says nothing more";
}

TEST_F(ClusterTest, WarnsOfTwoNodesWithOneNameAtMostOnceAMinute) {
  add("same");
  add("same");
  testing::internal::CaptureStderr();
  pass(59'000);
  const std::string log = testing::internal::GetCapturedStderr();
  std::size_t lines = 0;
  for (std::size_t at = log.find("node.name"); at != std::string::npos; at = log.find("node.name", at + 1)) {
    ++lines;
  }
  EXPECT_EQ(lines, 2U) << "each of them says it once: " << log;
}

// Workers ask and answer, the first one ticks, and the bus's thread hands over, all at once.
TEST(ClusterThreads, ManyThreadsUseOneCluster) {
  Wire wire;
  MonotonicMs clock = 0;
  Node n1(wire, clock, "n1");
  n1.link.up = true;
  n1.link.outcome = PublishOutcome::kOverloaded;  // nothing goes out: the wire is no part of this
  const auto hear = [&n1](decltype(ControlMessage::body) body) {
    Envelope envelope = test::envelope_to(bus::EnvelopeKind::kControl, "");
    envelope.origin = "n2";
    envelope.payload = encode_control({99, std::move(body)});
    n1.cluster.on_control(envelope);
  };
  constexpr int kRounds = 300;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (int i = 0; i < kRounds; ++i) {
      hear(Announcement{.version = "1"});
      hear(NodeQuestion{static_cast<std::uint64_t>(i), KickUser{"alice", std::nullopt}});
      if (i % 7 == 0) {
        hear(Goodbye{});
      }
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; i < kRounds; ++i) {
      n1.cluster.tick();
      (void)n1.cluster.others();
      (void)n1.cluster.living();
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; i < kRounds; ++i) {
      n1.cluster.ask(CountSubscribers{"t"}, {});
      n1.cluster.answer(static_cast<std::uint64_t>(i), Count{1});
    }
  });
  for (std::thread& thread : threads) {
    thread.join();
  }
  n1.work();
  EXPECT_EQ(n1.replies.size(), static_cast<std::size_t>(kRounds)) << "each question is answered once";
}

}  // namespace
}  // namespace pushwire::hub
