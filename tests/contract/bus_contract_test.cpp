// The promises of bus/bus.h, held against every adapter. An adapter joins with a row in kAdapters: how to make a bus
// that nobody else uses (its own topic or channel), connected to a real server where it needs one.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bus/bus.h"
#include "bus/embedded/embedded_bus.h"

namespace pushwire::bus {
namespace {

using namespace std::chrono_literals;

struct Adapter {
  const char* name;
  std::function<std::unique_ptr<Bus>()> make;
};

const Adapter kAdapters[] = {
    {"embedded", [] { return std::make_unique<EmbeddedBus>(); }},
};

// Remembers what it is told, and may be told to pause. Any thread.
class Recorder final : public EnvelopeSink, public PublishListener {
 public:
  Delivered on_envelope(Envelope&& envelope) override {
    const std::lock_guard lock(mutex_);
    ++calls_;
    if (pausing_) {
      return Delivered::kPause;
    }
    received_.push_back(std::move(envelope));
    changed_.notify_all();
    return Delivered::kAccepted;
  }
  void on_published(PublishTicket ticket, PublishOutcome outcome) override {
    const std::lock_guard lock(mutex_);
    ++calls_;
    outcomes_[ticket.call].push_back(outcome);
    changed_.notify_all();
  }

  void set_pausing(bool pausing) {
    const std::lock_guard lock(mutex_);
    pausing_ = pausing;
  }
  // Waits for `count` envelopes, at most 10 s, and a little longer for those that should not come.
  std::vector<Envelope> received(std::size_t count, std::chrono::milliseconds longer = 50ms) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 10s, [&] { return received_.size() >= count; });
    changed_.wait_for(lock, longer, [&] { return received_.size() > count; });
    return received_;
  }
  // The outcomes told for one call; waits for the first, at most 10 s.
  std::vector<PublishOutcome> outcomes(std::uint64_t call) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 10s, [&] { return !outcomes_[call].empty(); });
    return outcomes_[call];
  }
  std::size_t calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Envelope> received_;  // guarded by mutex_, as all below
  std::map<std::uint64_t, std::vector<PublishOutcome>> outcomes_;
  std::size_t calls_ = 0;
  bool pausing_ = false;
};

Envelope envelope_to(EnvelopeKind kind, std::string key, std::string id) {
  Envelope envelope;
  envelope.kind = kind;
  envelope.key = std::move(key);
  envelope.id = std::move(id);
  envelope.payload = "1";
  envelope.born_ms = 1'700'000'000'000;
  envelope.origin = "n1";
  return envelope;
}

class BusContract : public testing::TestWithParam<Adapter> {
 protected:
  void SetUp() override { ASSERT_TRUE(bus_->start(recorder_, recorder_)); }
  void TearDown() override { bus_->stop(); }

  // The outcome, whether it is told at once or later.
  PublishOutcome publish(Envelope envelope) {
    const std::uint64_t call = next_call_.fetch_add(1);
    const std::optional<PublishOutcome> outcome = bus_->publish(std::move(envelope), {.worker = 0, .call = call});
    if (outcome) {
      return *outcome;
    }
    const auto told = recorder_.outcomes(call);
    EXPECT_EQ(told.size(), 1U) << "told exactly once";
    return told.empty() ? PublishOutcome::kUnavailable : told[0];
  }

  // Before the bus: it may call until stop() returns.
  Recorder recorder_;
  std::atomic<std::uint64_t> next_call_{1};
  std::unique_ptr<Bus> bus_ = GetParam().make();
};

TEST_P(BusContract, HandsOverEachAcceptedEnvelopeExactlyOnce) {
  constexpr std::size_t kCount = 500;
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(publish(envelope_to(EnvelopeKind::kUser, "alice", std::to_string(i))), PublishOutcome::kAccepted);
  }
  const auto received = recorder_.received(kCount);
  ASSERT_EQ(received.size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(received[i].id, std::to_string(i));
  }
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
  ASSERT_EQ(publish(sent), PublishOutcome::kAccepted);
  const auto received = recorder_.received(1);
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
  constexpr int kEach = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; ++i) {
        Envelope envelope = envelope_to(i % 2 == 0 ? EnvelopeKind::kUser : EnvelopeKind::kTopic,
                                        "key" + std::to_string(t % 2), std::to_string(i));
        envelope.origin = "publisher" + std::to_string(t);
        EXPECT_EQ(publish(std::move(envelope)), PublishOutcome::kAccepted);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const auto received = recorder_.received(kThreads * kEach);
  EXPECT_EQ(received.size(), static_cast<std::size_t>(kThreads * kEach));
  std::map<std::string, int> last;
  for (const Envelope& envelope : received) {
    const std::string stream = envelope.origin + envelope.key + (envelope.kind == EnvelopeKind::kUser ? "u" : "t");
    const int number = std::stoi(envelope.id);
    const auto [place, first] = last.emplace(stream, number);
    EXPECT_TRUE(first || place->second < number) << stream;
    place->second = number;
  }
}

TEST_P(BusContract, CarriesPayloadsFromNothingToAMebibyte) {
  std::vector<std::string> payloads;
  for (const std::size_t size : {std::size_t{0}, std::size_t{64} * 1024, std::size_t{1024} * 1024}) {
    std::string payload(size, 'x');
    for (std::size_t i = 0; i < size; i += 1000) {
      payload[i] = static_cast<char>('a' + i / 1000 % 26);
    }
    payloads.push_back(payload);
    Envelope envelope = envelope_to(EnvelopeKind::kAll, "", std::to_string(size));
    envelope.payload = payload;
    ASSERT_EQ(publish(std::move(envelope)), PublishOutcome::kAccepted) << size;
  }
  const auto received = recorder_.received(payloads.size());
  ASSERT_EQ(received.size(), payloads.size());
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    EXPECT_TRUE(received[i].payload == payloads[i]) << payloads[i].size();
  }
}

// A bus without a store says so to the caller, who tries again; one with a store keeps it and hands it over later.
TEST_P(BusContract, LosesNothingWhenTheSinkPauses) {
  recorder_.set_pausing(true);
  const PublishOutcome outcome = publish(envelope_to(EnvelopeKind::kUser, "alice", "paused"));
  EXPECT_TRUE(recorder_.received(0).empty());
  recorder_.set_pausing(false);
  if (outcome == PublishOutcome::kAccepted) {
    EXPECT_EQ(recorder_.received(1).size(), 1U);
  } else {
    EXPECT_EQ(outcome, PublishOutcome::kOverloaded);
    EXPECT_TRUE(recorder_.received(0).empty()) << "nobody got what was refused";
  }
  EXPECT_EQ(publish(envelope_to(EnvelopeKind::kUser, "alice", "after")), PublishOutcome::kAccepted);
  EXPECT_EQ(recorder_.received(outcome == PublishOutcome::kAccepted ? 2 : 1).back().id, "after");
}

TEST_P(BusContract, IsHealthyWhileItRunsAndSaysWhyNotAfterwards) {
  EXPECT_TRUE(bus_->health().up) << bus_->health().reason;
  bus_->stop();
  EXPECT_FALSE(bus_->health().up);
  EXPECT_FALSE(bus_->health().reason.empty());
}

TEST_P(BusContract, CallsNobodyAfterStop) {
  ASSERT_EQ(publish(envelope_to(EnvelopeKind::kUser, "alice", "before")), PublishOutcome::kAccepted);
  ASSERT_EQ(recorder_.received(1).size(), 1U);
  bus_->stop();
  const std::size_t calls = recorder_.calls();
  EXPECT_EQ(bus_->publish(envelope_to(EnvelopeKind::kUser, "alice", "after"), {}), PublishOutcome::kUnavailable);
  bus_->stop();
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(recorder_.calls(), calls);
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
  const std::unique_ptr<Bus> bus = GetParam().make();
  ASSERT_TRUE(bus->start(sink, recorder_));
  std::thread publisher([&] { (void)bus->publish(envelope_to(EnvelopeKind::kUser, "alice", "m"), {}); });
  sink.entered.wait(false);
  std::future<void> stopped = std::async(std::launch::async, [&] { bus->stop(); });
  EXPECT_EQ(stopped.wait_for(100ms), std::future_status::timeout);
  sink.let_go.store(true);
  sink.let_go.notify_all();
  EXPECT_EQ(stopped.wait_for(10s), std::future_status::ready);
  publisher.join();
}

INSTANTIATE_TEST_SUITE_P(Adapters, BusContract, testing::ValuesIn(kAdapters),
                         [](const auto& adapter) { return std::string(adapter.param.name); });

}  // namespace
}  // namespace pushwire::bus
