// The promises of bus/bus.h, held against every adapter: with the real server where it has one, on one node.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters.h"
#include "cluster.h"

namespace pushwire::bus {
namespace {

using namespace std::chrono_literals;

class BusContract : public testing::TestWithParam<Adapter> {
 protected:
  void SetUp() override { node_.start(); }

  Node node_{fresh_settings(GetParam()), "n1"};
};

TEST_P(BusContract, HandsOverEachAcceptedEnvelopeExactlyOnce) {
  constexpr std::size_t kCount = 300;
  std::vector<std::uint64_t> calls;
  for (std::size_t i = 0; i < kCount; ++i) {
    calls.push_back(node_.publish(envelope_to(EnvelopeKind::kUser, "alice", "n1-" + std::to_string(i))));
  }
  for (const std::uint64_t call : calls) {
    ASSERT_EQ(node_.outcome(call), PublishOutcome::kAccepted);
  }
  EXPECT_EQ(node_.recorder().received(kCount).size(), kCount);
  EXPECT_EQ(ids_in_order(node_).size(), kCount);
}

TEST_P(BusContract, CarriesEveryFieldUnchanged) {
  Envelope sent = envelope_to(EnvelopeKind::kUsers, "", "id:1");
  sent.users = {"alice",
                "b\xc3\xb6"
                "b",
                std::string(128, 'x')};
  sent.event = "";
  sent.payload_kind = protocol::PayloadKind::kBinary;
  sent.payload = "AAEC";
  sent.exclude_session = std::string(22, 'A');
  sent.exclude_user = "carol";
  sent.ttl_ms = 86'400'000;
  sent.received_ns = 123;
  ASSERT_EQ(node_.publish_and_wait(sent), PublishOutcome::kAccepted);
  const auto received = node_.recorder().received(1);
  ASSERT_EQ(received.size(), 1U);
  const Envelope& got = received[0];
  EXPECT_EQ(got.kind, sent.kind);
  EXPECT_EQ(got.key, sent.key);
  EXPECT_EQ(got.users, sent.users);
  EXPECT_EQ(got.id, sent.id);
  EXPECT_EQ(got.event, sent.event) << "an empty event is not no event";
  EXPECT_EQ(got.payload_kind, sent.payload_kind);
  EXPECT_EQ(got.payload, sent.payload);
  EXPECT_EQ(got.exclude_session, sent.exclude_session);
  EXPECT_EQ(got.exclude_user, sent.exclude_user);
  EXPECT_EQ(got.born_ms, sent.born_ms);
  EXPECT_EQ(got.ttl_ms, sent.ttl_ms);
  EXPECT_EQ(got.origin, sent.origin);
}

TEST_P(BusContract, KeepsTheOrderOfEachPublisherAndKey) {
  constexpr int kThreads = 4;
  constexpr int kEach = 150;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      std::vector<std::uint64_t> calls;
      for (int i = 0; i < kEach; ++i) {
        Envelope envelope = envelope_to(i % 2 == 0 ? EnvelopeKind::kUser : EnvelopeKind::kTopic,
                                        "key" + std::to_string(t % 2), std::to_string(t) + "-" + std::to_string(i));
        envelope.origin = "publisher" + std::to_string(t);
        calls.push_back(node_.publish(std::move(envelope)));
      }
      for (const std::uint64_t call : calls) {
        EXPECT_EQ(node_.outcome(call), PublishOutcome::kAccepted);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(node_.recorder().received(kThreads * kEach).size(), std::size_t{kThreads} * kEach);
  (void)ids_in_order(node_);
}

TEST_P(BusContract, CarriesPayloadsFromNothingTo64KiB) {
  std::vector<std::string> payloads;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{64} * 1024}) {
    std::string payload(size, 'x');
    for (std::size_t i = 0; i < size; i += 1000) {
      payload[i] = static_cast<char>('a' + i / 1000 % 26);
    }
    payloads.push_back(payload);
    Envelope envelope = envelope_to(EnvelopeKind::kTopic, "news", std::to_string(size));
    envelope.payload = payload;
    ASSERT_EQ(node_.publish_and_wait(std::move(envelope)), PublishOutcome::kAccepted) << size;
  }
  const auto received = node_.recorder().received(payloads.size());
  ASSERT_EQ(received.size(), payloads.size());
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    EXPECT_TRUE(received[i].payload == payloads[i]) << payloads[i].size();
  }
}

// A bus without a server says so to the caller, who tries again; one with a server keeps it and hands it over later.
TEST_P(BusContract, LosesNothingWhenTheSinkPauses) {
  node_.recorder().set_pausing(true);
  const PublishOutcome outcome = node_.publish_and_wait(envelope_to(EnvelopeKind::kUser, "alice", "paused"));
  EXPECT_TRUE(node_.recorder().received(0).empty());
  node_.recorder().set_pausing(false);
  std::size_t expected = 1;
  if (outcome == PublishOutcome::kAccepted) {
    EXPECT_EQ(node_.recorder().received(expected++).size(), 1U);
  } else {
    EXPECT_EQ(outcome, PublishOutcome::kOverloaded);
    EXPECT_TRUE(node_.recorder().received(0).empty()) << "nobody got what was refused";
  }
  EXPECT_EQ(node_.publish_and_wait(envelope_to(EnvelopeKind::kUser, "alice", "after")), PublishOutcome::kAccepted);
  const auto received = node_.recorder().received(expected);
  ASSERT_EQ(received.size(), expected);
  EXPECT_EQ(received.back().id, "after");
}

TEST_P(BusContract, IsHealthyWhileItRunsAndSaysWhyNotAfterwards) {
  EXPECT_TRUE(node_.bus().health().up) << node_.bus().health().reason;
  node_.stop();
  EXPECT_FALSE(node_.bus().health().up);
  EXPECT_FALSE(node_.bus().health().reason.empty());
}

TEST_P(BusContract, CallsNobodyAfterStop) {
  ASSERT_EQ(node_.publish_and_wait(envelope_to(EnvelopeKind::kUser, "alice", "before")), PublishOutcome::kAccepted);
  ASSERT_EQ(node_.recorder().received(1).size(), 1U);
  node_.stop();
  const std::size_t calls = node_.recorder().calls();
  EXPECT_EQ(node_.bus().publish(envelope_to(EnvelopeKind::kUser, "alice", "after"), {}), PublishOutcome::kUnavailable);
  node_.stop();
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(node_.recorder().calls(), calls);
}

TEST_P(BusContract, TellsTheOutcomeOfWhatIsUnderWayWhenItIsStopped) {
  std::vector<std::uint64_t> calls;
  for (int i = 0; i < 200; ++i) {
    calls.push_back(node_.publish(envelope_to(EnvelopeKind::kUser, "alice", "n1-" + std::to_string(i))));
  }
  node_.stop();
  for (const std::uint64_t call : calls) {
    const PublishOutcome outcome = node_.outcome(call);
    EXPECT_TRUE(outcome == PublishOutcome::kAccepted || outcome == PublishOutcome::kUnavailable);
  }
}

// Holds up whoever hands over an envelope until it is let go.
class SlowSink final : public EnvelopeSink {
 public:
  Delivered on_envelope(Envelope&&) override {
    entered.store(true);
    entered.notify_all();
    let_go.wait(false);
    return Delivered::kAccepted;
  }
  std::atomic<bool> entered{false};
  std::atomic<bool> let_go{false};
};

// What the sink refers to may be destroyed as soon as stop() has returned.
TEST_P(BusContract, StopWaitsForACallThatIsUnderWay) {
  SlowSink sink;
  Recorder listener;
  const std::unique_ptr<Bus> made = make_test_bus(fresh_settings(GetParam()), "n2");
  Bus& bus = *made;
  ASSERT_TRUE(bus.start(sink, listener));
  ASSERT_TRUE(eventually([&] { return bus.health().up; })) << bus.health().reason;
  std::thread publisher([&] { (void)bus.publish(envelope_to(EnvelopeKind::kUser, "alice", "m"), {}); });
  sink.entered.wait(false);
  std::future<void> stopped = std::async(std::launch::async, [&] { bus.stop(); });
  EXPECT_EQ(stopped.wait_for(100ms), std::future_status::timeout);
  sink.let_go.store(true);
  sink.let_go.notify_all();
  EXPECT_EQ(stopped.wait_for(10s), std::future_status::ready);
  publisher.join();
}

INSTANTIATE_TEST_SUITE_P(Adapters, BusContract, testing::ValuesIn(all_adapters()),
                         [](const auto& adapter) { return adapter.param.name; });

}  // namespace
}  // namespace pushwire::bus
