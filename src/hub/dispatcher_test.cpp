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

// --- with other nodes on the bus ---------------------------------------------------------------------------------

class Others final : public ControlSink {
 public:
  void on_control(const Envelope& envelope) override { heard.push_back(envelope.payload); }
  std::vector<std::string> heard;
};

class ClusterDispatcherTest : public DispatcherTest {
 protected:
  ClusterDispatcherTest() { EXPECT_TRUE(late_.start(dispatcher_, dispatcher_)); }
  // As it comes from the bus when another node has published it.
  static Envelope theirs(std::string id, std::string_view body) {
    Envelope envelope = DispatcherTest::envelope(std::move(id));
    envelope.body = digest_of(body);
    return envelope;
  }
  std::size_t deliveries() {
    std::size_t sum = 0;
    for (const WorkerMail& one : mail()) {
      sum += std::holds_alternative<Deliver>(one) ? 1U : 0U;
    }
    return sum;
  }

  Others others_;
  Dispatcher dispatcher_{late_, router_, dedup_, &others_};
};

TEST_F(ClusterDispatcherTest, SendsTheDigestOfABodyAlongOnlyWithACallersId) {
  EXPECT_EQ(dispatcher_.publish(envelope("m1"), caller("body"), {}), std::nullopt);
  EXPECT_EQ(late_.waiting.back().envelope.body, digest_of("body"));
  EXPECT_EQ(dispatcher_.publish(envelope("made"), {}, {}), std::nullopt);
  EXPECT_EQ(late_.waiting.back().envelope.body, std::nullopt);
}

TEST_F(ClusterDispatcherTest, AnIdPublishedThroughAnotherNodeIsUsedHereToo) {
  EXPECT_EQ(dispatcher_.on_envelope(theirs("m1", "body")), bus::Delivered::kAccepted);
  EXPECT_EQ(deliveries(), 1U);
  EXPECT_EQ(dispatcher_.publish(envelope("m1"), caller("body"), {}), PublishStatus::kDuplicate);
  EXPECT_EQ(dispatcher_.publish(envelope("m1"), caller("other"), {}), PublishStatus::kConflict);
}

TEST_F(ClusterDispatcherTest, APushThatTwoNodesPublishIsDeliveredOnceAndTheOtherCounted) {
  EXPECT_EQ(dispatcher_.publish(envelope("m1"), caller("body"), {}), std::nullopt);
  EXPECT_EQ(dispatcher_.on_envelope(theirs("m1", "body")), bus::Delivered::kAccepted);
  late_.answer(PublishOutcome::kAccepted);
  EXPECT_EQ(deliveries(), 1U);
  EXPECT_EQ(dispatcher_.settle("m1", PublishOutcome::kAccepted), PublishStatus::kAccepted);
  EXPECT_EQ(dispatcher_.counters().repeated.load(), 1U);
  EXPECT_EQ(dispatcher_.counters().received.load(), 1U);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(dispatcher_.on_envelope(envelope("made")), bus::Delivered::kAccepted);
  }
  EXPECT_EQ(deliveries(), 2U) << "ids that nodes make are not looked at";
}

TEST_F(ClusterDispatcherTest, APushWithoutConfirmationThatCameFromTheBusIsAccepted) {
  EXPECT_EQ(dispatcher_.publish(envelope("m1"), caller("body"), {}), std::nullopt);
  EXPECT_EQ(dispatcher_.on_envelope(theirs("m1", "body")), bus::Delivered::kAccepted);
  EXPECT_EQ(dispatcher_.settle("m1", PublishOutcome::kUnavailable), PublishStatus::kAccepted);
  EXPECT_EQ(dispatcher_.publish(envelope("m1"), caller("body"), {}), PublishStatus::kDuplicate);
}

TEST_F(ClusterDispatcherTest, ARetryAfterA503ReachesEachSocketOnceThoughTheFirstTryArrivesLate) {
  EXPECT_EQ(dispatcher_.publish(envelope("m1"), caller("body"), {}), std::nullopt);
  EXPECT_EQ(dispatcher_.settle("m1", PublishOutcome::kUnavailable), PublishStatus::kUnavailable);
  EXPECT_EQ(dispatcher_.publish(envelope("m1"), caller("body"), {}), std::nullopt);
  ASSERT_EQ(late_.waiting.size(), 2U);
  late_.answer(PublishOutcome::kAccepted);
  late_.answer(PublishOutcome::kAccepted);
  EXPECT_EQ(deliveries(), 1U);
}

TEST_F(ClusterDispatcherTest, SaysThatAnotherBodyTookTheIdMeanwhile) {
  EXPECT_EQ(dispatcher_.publish(envelope("m1"), caller("body"), {}), std::nullopt);
  EXPECT_EQ(dispatcher_.on_envelope(theirs("m1", "other")), bus::Delivered::kAccepted);
  late_.answer(PublishOutcome::kAccepted);
  EXPECT_EQ(deliveries(), 1U);
  EXPECT_EQ(dispatcher_.settle("m1", PublishOutcome::kAccepted), PublishStatus::kConflict);
}

TEST_F(ClusterDispatcherTest, AnEnvelopeThatFoundNoRoomIsDeliveredWhenItComesAgain) {
  ASSERT_TRUE(box_.reserve(4'000));
  Envelope kept = theirs("m1", "body");
  EXPECT_EQ(dispatcher_.on_envelope(std::move(kept)), bus::Delivered::kPause);
  box_.release(4'000);
  EXPECT_EQ(dispatcher_.on_envelope(std::move(kept)), bus::Delivered::kAccepted);
  EXPECT_EQ(deliveries(), 1U);
  EXPECT_EQ(dispatcher_.counters().repeated.load(), 0U);
}

// Whoever can write to the bus, or a node of a later version with a mistake in it.
TEST_F(ClusterDispatcherTest, SkipsAPushThatTheApiWouldNotHaveTakenAndLeavesItsIdFree) {
  for (const bool callers : {true, false}) {
    Envelope unsound = callers ? theirs("m1", "body") : envelope("m1");
    unsound.payload_kind = protocol::PayloadKind::kBinary;
    unsound.payload = "%%";
    EXPECT_EQ(dispatcher_.on_envelope(std::move(unsound)), bus::Delivered::kUnreadable);
  }
  EXPECT_EQ(deliveries(), 0U);
  EXPECT_EQ(dispatcher_.counters().received.load(), 0U);
  EXPECT_EQ(dispatcher_.publish(envelope("m1"), caller("body"), {}), std::nullopt);
}

TEST_F(ClusterDispatcherTest, GivesWhatNodesSayToEachOtherToTheClusterAndToNoWorker) {
  ASSERT_TRUE(box_.reserve(4'000));
  Envelope control = test::envelope_to(EnvelopeKind::kControl, "n2");
  control.payload = "hello";
  EXPECT_EQ(dispatcher_.on_envelope(std::move(control)), bus::Delivered::kAccepted) << "full workers do not matter";
  EXPECT_EQ(others_.heard, std::vector<std::string>{"hello"});
  EXPECT_TRUE(mail().empty());
  EXPECT_EQ(dispatcher_.counters().received.load(), 0U);
}

TEST_F(ClusterDispatcherTest, PostsTheMailOfABatchTogether) {
  dispatcher_.begin_batch();
  EXPECT_EQ(dispatcher_.on_envelope(envelope("m1")), bus::Delivered::kAccepted);
  dispatcher_.on_published({.worker = 0, .call = 7}, PublishOutcome::kAccepted);
  EXPECT_TRUE(mail().empty());
  dispatcher_.end_batch();
  const auto got = mail();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<Deliver>(got[0])) << "in order";
  EXPECT_EQ(std::get<Published>(got[1]).call, 7U);
  EXPECT_EQ(dispatcher_.on_envelope(envelope("m2")), bus::Delivered::kAccepted);
  EXPECT_EQ(mail().size(), 1U) << "between batches at once";
}

// -----------------------------------------------------------------------------------------------------------------

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
