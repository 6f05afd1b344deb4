#include "bus/envelope.h"

#include <gtest/gtest.h>

#include <string>

#include "metrics/catalog.h"

namespace pushwire::bus {
namespace {

TEST(Envelope, CountsWhatItHolds) {
  Envelope envelope;
  const std::size_t empty = envelope.bytes();
  envelope.payload = std::string(1000, 'x');
  envelope.key = std::string(100, 'k');
  envelope.event = std::string(10, 'e');
  EXPECT_EQ(envelope.bytes(), empty + 1110);
  envelope.users = {std::string(50, 'u'), "v"};
  EXPECT_GE(envelope.bytes(), empty + 1110 + 51);
}

// The counters of pushes are indexed by the kind.
TEST(Envelope, HasTheKindsOfTheMetricsInTheirOrder) {
  using metrics::PushTarget;
  const auto same = [](EnvelopeKind kind, PushTarget target) {
    return static_cast<std::size_t>(kind) == static_cast<std::size_t>(target);
  };
  EXPECT_TRUE(same(EnvelopeKind::kUser, PushTarget::kUser));
  EXPECT_TRUE(same(EnvelopeKind::kUsers, PushTarget::kUsers));
  EXPECT_TRUE(same(EnvelopeKind::kTopic, PushTarget::kTopic));
  EXPECT_TRUE(same(EnvelopeKind::kSession, PushTarget::kSession));
  EXPECT_TRUE(same(EnvelopeKind::kAll, PushTarget::kAll));
}

}  // namespace
}  // namespace pushwire::bus
