// What is this bus's own; the promises that all adapters share are in tests/contract.
#include "bus/embedded/embedded_bus.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace pushwire::bus {
namespace {

class Sink final : public EnvelopeSink, public PublishListener {
 public:
  Delivered on_envelope(Envelope&& envelope) override {
    thread = std::this_thread::get_id();
    envelopes.push_back(std::move(envelope));
    return Delivered::kAccepted;
  }
  void on_published(PublishTicket, PublishOutcome) override { ADD_FAILURE() << "its outcome is known at once"; }

  std::vector<Envelope> envelopes;
  std::thread::id thread;
};

TEST(EmbeddedBus, HandsOverOnTheCallersThreadBeforeItAnswers) {
  EmbeddedBus bus;
  Sink sink;
  ASSERT_TRUE(bus.start(sink, sink));
  Envelope envelope;
  envelope.id = "m1";
  envelope.payload = "1";
  EXPECT_EQ(bus.publish(std::move(envelope), {}), PublishOutcome::kAccepted);
  ASSERT_EQ(sink.envelopes.size(), 1U);
  EXPECT_EQ(sink.envelopes[0].id, "m1");
  EXPECT_EQ(sink.thread, std::this_thread::get_id());
}

TEST(EmbeddedBus, IsDownUntilItIsStarted) {
  EmbeddedBus bus;
  EXPECT_FALSE(bus.health().up);
  EXPECT_EQ(bus.publish({}, {}), PublishOutcome::kUnavailable);
}

TEST(EmbeddedBus, PromisesOrderAndNothingThatNeedsAStore) {
  const Capabilities capabilities = EmbeddedBus().capabilities();
  EXPECT_TRUE(capabilities.ordered);
  EXPECT_FALSE(capabilities.replay);
  EXPECT_FALSE(capabilities.at_least_once);
  EXPECT_FALSE(capabilities.targeted);
}

}  // namespace
}  // namespace pushwire::bus
