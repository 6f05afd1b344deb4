#include "net/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace pushwire::net {
namespace {

constexpr MonotonicMs kTick = TimerWheel::kTickMs;

struct Probe final : Timer {
  int fired = 0;
  MonotonicMs at = -1;
  std::function<void()> then;

 private:
  void on_timer(MonotonicMs now) override {
    ++fired;
    at = now;
    if (then) {
      const auto act = then;  // it may destroy this probe
      act();
    }
  }
};

// Expires in steps of a tick until `end`.
void run_until(TimerWheel& wheel, MonotonicMs start, MonotonicMs end) {
  for (MonotonicMs now = start; now <= end; now += kTick) {
    wheel.expire(now);
  }
}

TEST(TimerWheel, FiresNeverEarlyAndLessThanATickLate) {
  for (const MonotonicMs deadline : {1, 127, 128, 129, 1000, 10'000, 65'535, 65'536, 65'537, 75'000, 200'000}) {
    TimerWheel wheel;
    Probe probe;
    wheel.arm(probe, deadline);
    wheel.expire(deadline - 1);
    EXPECT_EQ(probe.fired, 0) << deadline;
    wheel.expire(deadline + kTick - 1);
    EXPECT_EQ(probe.fired, 1) << deadline;
    EXPECT_FALSE(probe.armed());
    wheel.expire(deadline + 200'000);
    EXPECT_EQ(probe.fired, 1) << "once only";
  }
}

TEST(TimerWheel, FiresABoundedNumberAtOnceAndTheRestInTheNextTurns) {
  constexpr std::ptrdiff_t kMany = 2 * TimerWheel::kMostPerCall + 1;
  TimerWheel wheel;
  std::vector<Probe> probes(kMany);
  for (Probe& probe : probes) {
    wheel.arm(probe, 1000);
  }
  const auto fired = [&] {
    return std::count_if(probes.begin(), probes.end(), [](auto& one) { return one.fired == 1; });
  };
  wheel.expire(1024 - kTick);
  wheel.expire(1024);
  EXPECT_EQ(fired(), std::ptrdiff_t{TimerWheel::kMostPerCall});
  EXPECT_EQ(wheel.ms_until_next(1024), 0) << "nobody sleeps while some wait";
  wheel.expire(1024);
  probes.back().cancel();
  wheel.expire(1024);
  EXPECT_EQ(fired(), kMany - 1) << "and the cancelled one does not";
  EXPECT_GT(wheel.ms_until_next(1024), 0);
}

TEST(TimerWheel, FiresMoreWhenItLagsBehind) {
  TimerWheel wheel;
  std::vector<Probe> probes(3 * TimerWheel::kMostPerCall);
  for (Probe& probe : probes) {
    wheel.arm(probe, 1);
  }
  wheel.expire(3 * kTick);
  EXPECT_TRUE(std::all_of(probes.begin(), probes.end(), [](auto& one) { return one.fired == 1; }));
}

TEST(TimerWheel, LaterRoundsWaitTheirTurn) {
  TimerWheel wheel;
  Probe soon;
  Probe later;
  const MonotonicMs round = kTick * TimerWheel::kSlots;
  wheel.arm(later, 1000 + 2 * round);
  wheel.arm(soon, 1000);
  run_until(wheel, 0, 1000 + kTick);
  EXPECT_EQ(soon.fired, 1);
  run_until(wheel, 1000 + kTick, 1000 + 2 * round - kTick);
  EXPECT_EQ(later.fired, 0);
  run_until(wheel, 1000 + 2 * round, 1000 + 2 * round + kTick);
  EXPECT_EQ(later.fired, 1);
}

TEST(TimerWheel, DeadlineInThePastFiresAtTheNextTick) {
  TimerWheel wheel;
  wheel.expire(10'000);
  Probe probe;
  wheel.arm(probe, 5);
  wheel.expire(10'000);
  EXPECT_EQ(probe.fired, 0) << "the tick that was looked at is over";
  wheel.expire(10'000 + kTick);
  EXPECT_EQ(probe.fired, 1);
}

TEST(TimerWheel, ArmingAgainMovesTheDeadline) {
  TimerWheel wheel;
  Probe probe;
  wheel.arm(probe, 1000);
  wheel.arm(probe, 5000);
  wheel.expire(4999);
  EXPECT_EQ(probe.fired, 0);
  wheel.arm(probe, 5100);
  wheel.arm(probe, 5050);
  wheel.expire(5050 + kTick);
  EXPECT_EQ(probe.fired, 1);
}

TEST(TimerWheel, CancelledAndDestroyedTimersDoNotFire) {
  TimerWheel wheel;
  Probe cancelled;
  wheel.arm(cancelled, 100);
  {
    Probe destroyed;
    wheel.arm(destroyed, 100);
  }
  cancelled.cancel();
  cancelled.cancel();
  EXPECT_FALSE(cancelled.armed());
  wheel.expire(1000);
  EXPECT_EQ(cancelled.fired, 0);
}

TEST(TimerWheel, TimerMayArmItselfAgain) {
  TimerWheel wheel;
  Probe probe;
  probe.then = [&] { wheel.arm(probe, probe.at + 1000); };
  wheel.arm(probe, 1000);
  run_until(wheel, 0, 10'000);
  EXPECT_EQ(probe.fired, 9);  // each firing is up to a tick late, and so is the next
}

TEST(TimerWheel, TimerMayCancelAndDestroyOthersOfTheSameTick) {
  TimerWheel wheel;
  Probe first;
  auto second = std::make_unique<Probe>();
  Probe third;
  Probe fourth;
  wheel.arm(first, 1000);
  wheel.arm(*second, 1000);
  wheel.arm(third, 1000);
  wheel.arm(fourth, 1000);
  first.then = [&] {
    second.reset();
    third.cancel();
  };
  wheel.expire(2000);
  EXPECT_EQ(first.fired, 1);
  EXPECT_EQ(third.fired, 0);
  EXPECT_EQ(fourth.fired, 1);
}

TEST(TimerWheel, TimerMayDestroyItself) {
  TimerWheel wheel;
  auto probe = std::make_unique<Probe>();
  Probe after;
  probe->then = [&] { probe.reset(); };
  wheel.arm(*probe, 1000);
  wheel.arm(after, 1000);
  wheel.expire(2000);
  EXPECT_EQ(probe, nullptr);
  EXPECT_EQ(after.fired, 1);
}

TEST(TimerWheel, WheelMayGoBeforeItsTimers) {
  Probe probe;
  {
    TimerWheel wheel;
    wheel.arm(probe, 1000);
  }
  EXPECT_FALSE(probe.armed());
}

TEST(TimerWheel, AJumpOfTheClockFiresEverythingDueOnce) {
  TimerWheel wheel;
  std::array<Probe, 20> probes;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    wheel.arm(probes[i], static_cast<MonotonicMs>(i) * 20'000);
  }
  wheel.expire(600'000);
  for (const Probe& probe : probes) {
    EXPECT_EQ(probe.fired, 1);
  }
}

TEST(TimerWheel, SaysHowLongToSleep) {
  TimerWheel wheel;
  const int longest = static_cast<int>(TimerWheel::kLookAheadTicks * kTick);
  EXPECT_EQ(wheel.ms_until_next(0), longest);
  Probe probe;
  wheel.arm(probe, 300);
  EXPECT_EQ(wheel.ms_until_next(0), 3 * kTick);
  EXPECT_EQ(wheel.ms_until_next(200), 3 * kTick - 200);
  EXPECT_EQ(wheel.ms_until_next(1000), 0) << "late already";
}

}  // namespace
}  // namespace pushwire::net
