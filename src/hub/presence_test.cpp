#include "hub/presence.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/hash.h"

namespace pushwire::hub {
namespace {

TEST(Presence, KnowsANameFromItsFirstEntryToItsLastEnd) {
  Presence presence;
  EXPECT_FALSE(presence.may_have(7));
  presence.add(7);
  presence.add(7);
  EXPECT_TRUE(presence.may_have(7));
  EXPECT_FALSE(presence.may_have(8));
  presence.remove(7);
  EXPECT_TRUE(presence.may_have(7));
  presence.remove(7);
  EXPECT_FALSE(presence.may_have(7));
}

TEST(Presence, NeverForgetsANameThatSharesItsCounter) {
  Presence presence;
  presence.add(3);
  presence.add(3 + Presence::kCells);
  presence.remove(3);
  EXPECT_TRUE(presence.may_have(3 + Presence::kCells));
  EXPECT_TRUE(presence.may_have(3)) << "maybe is allowed";
}

TEST(Presence, KeepsACounterThatWasFull) {
  Presence presence;
  for (int i = 0; i < 1000; ++i) {
    presence.add(1);
  }
  for (int i = 0; i < 999; ++i) {
    presence.remove(1);
  }
  EXPECT_TRUE(presence.may_have(1)) << "one is still here";
}

TEST(Presence, IsSeldomWrongAboutAbsentNames) {
  Presence presence;
  for (int i = 0; i < 100'000; ++i) {
    presence.add(hash_name("here" + std::to_string(i)));
  }
  int wrong = 0;
  for (int i = 0; i < 100'000; ++i) {
    wrong += presence.may_have(hash_name("absent" + std::to_string(i))) ? 1 : 0;
  }
  EXPECT_LT(wrong, 4'000);
  EXPECT_GT(wrong, 0) << "or it does not test what it says";
}

TEST(Presence, CountsForAllWorkersAtOnce) {
  Presence presence;
  presence.add(5);
  std::atomic<bool> missed{false};
  std::vector<std::thread> workers;
  for (int w = 0; w < 4; ++w) {
    workers.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        presence.add(5);
        missed = missed || !presence.may_have(5);
        presence.remove(5);
      }
    });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  EXPECT_FALSE(missed);
  EXPECT_TRUE(presence.may_have(5));
  presence.remove(5);
  EXPECT_FALSE(presence.may_have(5));
}

}  // namespace
}  // namespace pushwire::hub
