#include "bus/backoff.h"

#include <gtest/gtest.h>

namespace pushwire::bus {
namespace {

TEST(Backoff, DoublesUpToItsLimitWithHalfAtRandom) {
  Backoff backoff(1);
  MonotonicMs full = Backoff::kFirstMs;
  for (int i = 0; i < 100; ++i) {
    const MonotonicMs wait = backoff.next();
    EXPECT_GE(wait, full / 2);
    EXPECT_LE(wait, full);
    full = std::min(2 * full, Backoff::kMostMs);
  }
  backoff.reset();
  EXPECT_LE(backoff.next(), Backoff::kFirstMs);
}

TEST(Backoff, DiffersFromNodeToNode) {
  Backoff one(1);
  Backoff other(2);
  int same = 0;
  for (int i = 0; i < 50; ++i) {
    same += one.next() == other.next() ? 1 : 0;
  }
  EXPECT_LT(same, 10);
}

}  // namespace
}  // namespace pushwire::bus
