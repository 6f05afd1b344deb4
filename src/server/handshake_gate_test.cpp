#include "server/handshake_gate.h"

#include <gtest/gtest.h>

namespace pushwire::server {
namespace {

using Verdict = HandshakeGate::Verdict;

TEST(HandshakeGate, LetsAnyNumberInWithoutALimitPerSecond) {
  HandshakeGate gate({.pending = 2});
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(gate.judge(1, 5), Verdict::kIn);
    gate.enter();
  }
}

TEST(HandshakeGate, MakesOnesBeyondThePendingWaitAndThenRefusesThem) {
  HandshakeGate gate({.pending = 2});
  EXPECT_EQ(gate.judge(2, 100), Verdict::kWait);
  EXPECT_EQ(gate.judge(2, 100 + HandshakeGate::kPatience - 1), Verdict::kWait);
  EXPECT_FALSE(gate.has_room_again(2, 1'000));
  EXPECT_EQ(gate.judge(2, 100 + HandshakeGate::kPatience), Verdict::kRefuse);
  EXPECT_TRUE(gate.is_behind());
  EXPECT_TRUE(gate.has_room_again(1, 1'200));
  EXPECT_FALSE(gate.is_behind());
  EXPECT_FALSE(gate.has_room_again(1, 1'300)) << "told once";
  EXPECT_EQ(gate.judge(2, 5'000), Verdict::kWait) << "patience begins anew";
}

// How many of those who come each millisecond get in, and how many are refused.
struct Counted {
  int in = 0;
  int refused = 0;
};
Counted storm(HandshakeGate& gate, MonotonicMs& now, MonotonicMs length) {
  Counted counted;
  for (const MonotonicMs end = now + length; now < end; ++now) {
    const Verdict verdict = gate.judge(0, now);
    if (verdict == Verdict::kIn) {
      gate.enter();
    }
    counted.in += verdict == Verdict::kIn ? 1 : 0;
    counted.refused += verdict == Verdict::kRefuse ? 1 : 0;
    (void)gate.has_room_again(0, now);
  }
  return counted;
}

TEST(HandshakeGate, LetsSoManyInPerSecondAndRefusesTheOthersWhenItLasts) {
  HandshakeGate gate({.pending = 1'000, .per_second = 100});
  MonotonicMs now = 10'000;
  const Counted first = storm(gate, now, 1'000);
  EXPECT_NEAR(first.in, 125, 2) << "a quarter of a second's worth at once";
  EXPECT_LT(first.refused, 50) << "they wait first";
  const Counted later = storm(gate, now, 4'000);
  EXPECT_NEAR(later.in, 400, 4) << "as many as ever";
  EXPECT_NEAR(later.refused, 3'600, 50);
  now += 2'000;  // nobody comes
  EXPECT_TRUE(gate.has_room_again(0, now));
  EXPECT_FALSE(gate.is_behind());
  EXPECT_EQ(storm(gate, now, 500).refused, 0) << "patience begins anew";
}

TEST(HandshakeGate, LetsOneInNowAndThenHoweverSlowItIs) {
  HandshakeGate gate({.pending = 1'000, .per_second = 0.5});
  MonotonicMs now = 10'000;
  EXPECT_EQ(storm(gate, now, 10'000).in, 5);
}

TEST(HandshakeGate, TakesNewLimits) {
  HandshakeGate gate({.pending = 1'000, .per_second = 1'000});
  gate.set_limits({.pending = 1'000, .per_second = 10});
  MonotonicMs now = 10'000;
  EXPECT_NEAR(storm(gate, now, 1'000).in, 12, 1);
  gate.set_limits({.pending = 1'000});
  EXPECT_EQ(storm(gate, now, 1'000).in, 1'000);
}

}  // namespace
}  // namespace pushwire::server
