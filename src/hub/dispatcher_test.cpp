#include "hub/dispatcher.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bus/embedded/embedded_bus.h"
#include "hub/hub_test_support.h"

namespace pushwire::hub {
namespace {

using bus::Envelope;
using bus::EnvelopeKind;
using bus::PublishOutcome;

// Answers when the test says so, as a bus over the network does.
class LateBus final : public bus::Bus {
 public:
  std::string_view name() const noexcept override { return "late"; }
  Result<> start(bus::EnvelopeSink& sink, bus::PublishListener& listener) override {
    sink_ = &sink;
    listener_ = &listener;
    return {};
  }
  std::optional<PublishOutcome> publish(Envelope&& envelope, bus::PublishTicket ticket) override {
    waiting.push_back({std::move(envelope), ticket});
    return std::nullopt;
  }
  bus::Health health() const override { return {.up = true, .reason = {}}; }
  bus::Capabilities capabilities() const override { return {}; }
  std::size_t largest_record() const noexcept override { return std::size_t{1} << 30; }
  const bus::BusCounters& counters() const noexcept override { return counters_; }
  void stop() override {}

  void answer(PublishOutcome outcome) {
    auto [envelope, ticket] = std::move(waiting.front());
    waiting.erase(waiting.begin());
    if (outcome == PublishOutcome::kAccepted) {
      EXPECT_EQ(sink_->on_envelope(std::move(envelope)), bus::Delivered::kAccepted);
    }
    listener_->on_published(ticket, outcome);
  }

  struct Waiting {
    Envelope envelope;
    bus::PublishTicket ticket;
  };
  std::vector<Waiting> waiting;

 private:
  bus::BusCounters counters_;
  bus::EnvelopeSink* sink_ = nullptr;
  bus::PublishListener* listener_ = nullptr;
};

class DispatcherTest : public testing::Test {
 protected:
  std::vector<WorkerMail> mail() {
    std::vector<WorkerMail> list;
    box_.drain([&](WorkerMail&& one) { list.push_back(std::move(one)); });
    return list;
  }
  static Envelope envelope(std::string id) { return test::envelope_to(EnvelopeKind::kUser, "alice", std::move(id)); }
  static CallerId caller(std::string_view body) { return {body}; }

  net::EventLoop loop_;
  WorkerMailbox box_{loop_, 4'000};
  Router router_{{&box_}};
  DedupTable dedup_{60'000, 1000};
  bus::EmbeddedBus embedded_;
  LateBus late_;
};

TEST_F(DispatcherTest, HandsAPushToTheWorkersBeforeItAnswersOnTheEmbeddedBus) {
  Dispatcher dispatcher(embedded_, router_, dedup_);
  ASSERT_TRUE(embedded_.start(dispatcher, dispatcher));
  EXPECT_EQ(dispatcher.publish(envelope("m1"), {}, {}), PublishStatus::kAccepted);
  const auto got = mail();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(std::get<ToUser>(std::get<Deliver>(got[0]).target).user, "alice");
  EXPECT_EQ(dispatcher.counters().publish[metrics::index_of(PublishOutcome::kAccepted)].load(), 1U);
  EXPECT_EQ(dispatcher.counters().received.load(), 1U);
}

TEST_F(DispatcherTest, DeliversACallersIdOnceAndANodesIdAlways) {
  Dispatcher dispatcher(embedded_, router_, dedup_);
  ASSERT_TRUE(embedded_.start(dispatcher, dispatcher));
  EXPECT_EQ(dispatcher.publish(envelope("m1"), caller("body"), {}), PublishStatus::kAccepted);
  EXPECT_EQ(dispatcher.publish(envelope("m1"), caller("body"), {}), PublishStatus::kDuplicate);
  EXPECT_EQ(dispatcher.publish(envelope("m1"), caller("other"), {}), PublishStatus::kConflict);
  EXPECT_EQ(mail().size(), 1U);
  EXPECT_EQ(dispatcher.publish(envelope("made"), {}, {}), PublishStatus::kAccepted);
  EXPECT_EQ(dispatcher.publish(envelope("made"), {}, {}), PublishStatus::kAccepted);
  EXPECT_EQ(mail().size(), 2U);
  EXPECT_EQ(dedup_.size(), 1U) << "the node's own ids take no room";
}

TEST_F(DispatcherTest, ATryThatFoundAFullWorkerDoesNotUseUpItsId) {
  Dispatcher dispatcher(embedded_, router_, dedup_);
  ASSERT_TRUE(embedded_.start(dispatcher, dispatcher));
  ASSERT_TRUE(box_.reserve(4'000));
  EXPECT_EQ(dispatcher.publish(envelope("m1"), caller("body"), {}), PublishStatus::kOverloaded);
  EXPECT_TRUE(mail().empty());
  EXPECT_EQ(dispatcher.counters().received.load(), 0U);
  box_.release(4'000);
  EXPECT_EQ(dispatcher.publish(envelope("m1"), caller("body"), {}), PublishStatus::kAccepted);
  EXPECT_EQ(mail().size(), 1U);
}

TEST_F(DispatcherTest, SaysThatAStoppedBusIsAway) {
  Dispatcher dispatcher(embedded_, router_, dedup_);
  EXPECT_EQ(dispatcher.publish(envelope("m1"), caller("body"), {}), PublishStatus::kUnavailable);
  ASSERT_TRUE(embedded_.start(dispatcher, dispatcher));
  EXPECT_EQ(dispatcher.publish(envelope("m1"), caller("body"), {}), PublishStatus::kAccepted);
  embedded_.stop();
  EXPECT_EQ(dispatcher.publish(envelope("m2"), caller("body"), {}), PublishStatus::kUnavailable);
  EXPECT_EQ(dispatcher.counters().publish[metrics::index_of(PublishOutcome::kUnavailable)].load(), 2U);
}

TEST_F(DispatcherTest, MailsALateOutcomeToWhoAskedAndSettlesTheId) {
  Dispatcher dispatcher(late_, router_, dedup_);
  ASSERT_TRUE(late_.start(dispatcher, dispatcher));
  EXPECT_EQ(dispatcher.publish(envelope("m1"), caller("body"), {.worker = 0, .call = 42}), std::nullopt);
  EXPECT_EQ(dispatcher.publish(envelope("m1"), caller("body"), {.worker = 0, .call = 43}), PublishStatus::kBusy)
      << "how the first one ends is not known yet";
  EXPECT_EQ(late_.waiting.size(), 1U);
  late_.answer(PublishOutcome::kAccepted);
  const auto got = mail();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<Deliver>(got[0]));
  const auto& published = std::get<Published>(got[1]);
  EXPECT_EQ(published.call, 42U);
  EXPECT_EQ(dispatcher.settle("m1", published.outcome), PublishStatus::kAccepted);
  EXPECT_EQ(dispatcher.publish(envelope("m1"), caller("body"), {}), PublishStatus::kDuplicate);
}

TEST_F(DispatcherTest, AnIdWhoseLatePublishFailedMayBeTriedAgain) {
  Dispatcher dispatcher(late_, router_, dedup_);
  ASSERT_TRUE(late_.start(dispatcher, dispatcher));
  for (const PublishOutcome outcome : {PublishOutcome::kUnavailable, PublishOutcome::kOverloaded}) {
    EXPECT_EQ(dispatcher.publish(envelope("m1"), caller("body"), {}), std::nullopt);
    late_.answer(outcome);
    const auto got = mail();
    ASSERT_EQ(got.size(), 1U);
    EXPECT_NE(dispatcher.settle("m1", std::get<Published>(got[0]).outcome), PublishStatus::kAccepted);
  }
  EXPECT_EQ(dispatcher.publish(envelope("m1"), caller("body"), {}), std::nullopt);
  EXPECT_EQ(late_.waiting.size(), 1U);
}

TEST_F(DispatcherTest, MeasuresHowOldAnEnvelopeWasOnArrival) {
  Dispatcher dispatcher(embedded_, router_, dedup_);
  Envelope old = envelope("m1");
  old.born_ms -= 5'000;
  EXPECT_EQ(dispatcher.on_envelope(std::move(old)), bus::Delivered::kAccepted);
  EXPECT_GE(dispatcher.counters().lag_ms.load(), 5'000);
  Envelope from_the_future = envelope("m2");
  from_the_future.born_ms += 5'000;
  EXPECT_EQ(dispatcher.on_envelope(std::move(from_the_future)), bus::Delivered::kAccepted);
  EXPECT_EQ(dispatcher.counters().lag_ms.load(), 0) << "another node's clock may be ahead";
}

TEST_F(DispatcherTest, AsksTheBusToPauseWhenAWorkerIsFull) {
  Dispatcher dispatcher(embedded_, router_, dedup_);
  ASSERT_TRUE(box_.reserve(4'000));
  Envelope kept = envelope("m1");
  EXPECT_EQ(dispatcher.on_envelope(std::move(kept)), bus::Delivered::kPause);
  EXPECT_EQ(kept.key, "alice") << "it is handed over again later";
}

}  // namespace
}  // namespace pushwire::hub
