#include "hub/dedup_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace pushwire::hub {
namespace {

constexpr MonotonicMs kWindow = 1000;

TEST(DedupTable, KnowsACommittedIdWithinTheWindow) {
  DedupTable table(kWindow, 100);
  EXPECT_EQ(table.begin("id", digest_of("body"), 0), DedupVerdict::kNew);
  table.commit("id");
  EXPECT_EQ(table.begin("id", digest_of("body"), 1), DedupVerdict::kDuplicate);
  EXPECT_EQ(table.begin("id", digest_of("body"), kWindow - 1), DedupVerdict::kDuplicate);
  EXPECT_EQ(table.begin("id", digest_of("body"), kWindow), DedupVerdict::kNew)
      << "the window counts from the first use";
}

TEST(DedupTable, RefusesTheSameIdWithAnotherBody) {
  DedupTable table(kWindow, 100);
  EXPECT_EQ(table.begin("id", digest_of("body"), 0), DedupVerdict::kNew);
  table.commit("id");
  EXPECT_EQ(table.begin("id", digest_of("other"), 0), DedupVerdict::kConflict);
  EXPECT_EQ(table.begin("id", digest_of(""), 0), DedupVerdict::kConflict);
  EXPECT_EQ(table.begin("ID", digest_of("other"), 0), DedupVerdict::kNew);
}

TEST(DedupTable, IsBusyWhileTheFirstTryIsPending) {
  DedupTable table(kWindow, 100);
  EXPECT_EQ(table.begin("id", digest_of("body"), 0), DedupVerdict::kNew);
  EXPECT_EQ(table.begin("id", digest_of("body"), 0), DedupVerdict::kBusy);
  EXPECT_EQ(table.begin("id", digest_of("other"), 0), DedupVerdict::kBusy) << "the first may still be abandoned";
}

TEST(DedupTable, AnAbandonedTryDoesNotUseUpTheId) {
  DedupTable table(kWindow, 100);
  EXPECT_EQ(table.begin("id", digest_of("body"), 0), DedupVerdict::kNew);
  table.abandon("id");
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.begin("id", digest_of("other body"), 0), DedupVerdict::kNew);
  table.commit("id");
  EXPECT_EQ(table.begin("id", digest_of("other body"), 0), DedupVerdict::kDuplicate);
}

// The row of the abandoned try comes of age before that of the second.
TEST(DedupTable, KeepsAnIdBegunAnewForItsOwnWindow) {
  DedupTable table(kWindow, 100);
  (void)table.begin("id", digest_of("body"), 0);
  (void)table.begin("later", digest_of("body"), 0);
  table.commit("later");
  table.abandon("id");
  EXPECT_EQ(table.begin("id", digest_of("body"), 600), DedupVerdict::kNew);
  table.commit("id");
  EXPECT_EQ(table.begin("id", digest_of("body"), kWindow + 100), DedupVerdict::kDuplicate);
  EXPECT_EQ(table.begin("id", digest_of("body"), kWindow + 600), DedupVerdict::kNew);
}

TEST(DedupTable, ForgetsTheOldestOverItsLimitAndCountsThem) {
  DedupTable table(kWindow, 3);
  for (const std::string id : {"a", "b", "c", "d", "e"}) {
    EXPECT_EQ(table.begin(id, digest_of("body"), 0), DedupVerdict::kNew);
    table.commit(id);
  }
  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(table.forgotten(), 2U);
  EXPECT_EQ(table.begin("e", digest_of("body"), 0), DedupVerdict::kDuplicate);
}

TEST(DedupTable, CountsNothingThatIsForgottenInItsTime) {
  DedupTable table(kWindow, 3);
  for (int i = 0; i < 100; ++i) {
    (void)table.begin(std::to_string(i), digest_of("body"), i * kWindow);
    table.commit(std::to_string(i));
  }
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.forgotten(), 0U);
}

// How a pending push ends is told by its id: if that were forgotten and begun anew, the end of the first would be taken
// for that of the second.
TEST(DedupTable, DoesNotForgetAnIdWhosePushIsPending) {
  DedupTable table(kWindow, 1);
  EXPECT_EQ(table.begin("pending", digest_of("body"), 0), DedupVerdict::kNew);
  EXPECT_EQ(table.begin("other", digest_of("body"), 0), DedupVerdict::kNew);
  EXPECT_EQ(table.begin("pending", digest_of("body"), 2 * kWindow), DedupVerdict::kBusy);
  table.commit("pending");
  EXPECT_EQ(table.begin("pending", digest_of("body"), 2 * kWindow), DedupVerdict::kNew) << "now its window counts";
}

// --- what comes from the bus -------------------------------------------------------------------------------------

TEST(DedupTable, LetsWhatCameFromTheBusThroughOnce) {
  DedupTable table(kWindow, 100);
  EXPECT_TRUE(table.deliver("id", digest_of("body"), 0));
  EXPECT_FALSE(table.deliver("id", digest_of("body"), 1));
  EXPECT_FALSE(table.deliver("id", digest_of("other"), 1)) << "the first one stands for the id";
  EXPECT_TRUE(table.deliver("another", digest_of("body"), 1));
  EXPECT_TRUE(table.deliver("id", digest_of("body"), kWindow)) << "its window is over";
}

TEST(DedupTable, KnowsTheIdsThatOtherNodesPublished) {
  DedupTable table(kWindow, 100);
  EXPECT_TRUE(table.deliver("id", digest_of("body"), 0));
  EXPECT_EQ(table.begin("id", digest_of("body"), 1), DedupVerdict::kDuplicate);
  EXPECT_EQ(table.begin("id", digest_of("other"), 1), DedupVerdict::kConflict);
}

TEST(DedupTable, LetsItsOwnPushThroughOnceBeforeOrAfterItsOutcome) {
  DedupTable table(kWindow, 100);
  (void)table.begin("early", digest_of("body"), 0);
  EXPECT_TRUE(table.deliver("early", digest_of("body"), 0));
  EXPECT_EQ(table.begin("early", digest_of("body"), 0), DedupVerdict::kDuplicate) << "the bus has it, as one can see";
  EXPECT_EQ(table.commit("early"), DedupEnd::kUsed);
  EXPECT_FALSE(table.deliver("early", digest_of("body"), 0));
  (void)table.begin("late", digest_of("body"), 0);
  EXPECT_EQ(table.commit("late"), DedupEnd::kUsed);
  EXPECT_TRUE(table.deliver("late", digest_of("body"), 0));
  EXPECT_FALSE(table.deliver("late", digest_of("body"), 0));
}

TEST(DedupTable, AnAbandonedTryWhoseEnvelopeArrivedIsUsed) {
  DedupTable table(kWindow, 100);
  (void)table.begin("before", digest_of("body"), 0);
  EXPECT_TRUE(table.deliver("before", digest_of("body"), 0));
  EXPECT_EQ(table.abandon("before"), DedupEnd::kUsed);
  EXPECT_EQ(table.begin("before", digest_of("body"), 0), DedupVerdict::kDuplicate);
  (void)table.begin("after", digest_of("body"), 0);
  EXPECT_EQ(table.abandon("after"), DedupEnd::kFree);
  EXPECT_TRUE(table.deliver("after", digest_of("body"), 0));
  EXPECT_EQ(table.begin("after", digest_of("body"), 0), DedupVerdict::kDuplicate);
}

TEST(DedupTable, ASecondTryBesideALateFirstOneIsDeliveredOnce) {
  DedupTable table(kWindow, 100);
  (void)table.begin("id", digest_of("body"), 0);
  EXPECT_EQ(table.abandon("id"), DedupEnd::kFree);
  EXPECT_EQ(table.begin("id", digest_of("body"), 0), DedupVerdict::kNew);
  EXPECT_TRUE(table.deliver("id", digest_of("body"), 0)) << "the first";
  EXPECT_EQ(table.commit("id"), DedupEnd::kUsed);
  EXPECT_FALSE(table.deliver("id", digest_of("body"), 0)) << "the second";
}

TEST(DedupTable, TellsAPushThatLostItsIdToAnotherNode) {
  DedupTable table(kWindow, 100);
  for (const bool accepted : {true, false}) {
    const std::string id = accepted ? "accepted" : "refused";
    (void)table.begin(id, digest_of("mine"), 0);
    EXPECT_TRUE(table.deliver(id, digest_of("theirs"), 0));
    EXPECT_EQ(accepted ? table.commit(id) : table.abandon(id), DedupEnd::kConflict);
    EXPECT_FALSE(table.deliver(id, digest_of("mine"), 0));
    EXPECT_EQ(table.begin(id, digest_of("theirs"), 0), DedupVerdict::kDuplicate);
    EXPECT_EQ(table.begin(id, digest_of("mine"), 0), DedupVerdict::kConflict);
  }
}

TEST(DedupTable, LetsAnEnvelopeThroughAgainThatFoundNoRoom) {
  DedupTable table(kWindow, 100);
  EXPECT_TRUE(table.deliver("id", digest_of("body"), 0));
  table.take_back("id");
  EXPECT_EQ(table.begin("id", digest_of("body"), 0), DedupVerdict::kDuplicate) << "it is on the bus all the same";
  EXPECT_TRUE(table.deliver("id", digest_of("body"), 0));
  EXPECT_FALSE(table.deliver("id", digest_of("body"), 0));
}

// -----------------------------------------------------------------------------------------------------------------

// While the node answers 503, callers try again and again: that must not push out the ids of pushes that were accepted.
TEST(DedupTable, FailedTriesTakeNoRoomFromCommittedIds) {
  DedupTable table(kWindow, 10);
  (void)table.begin("pending", digest_of("body"), 0);  // an answer is still due for it
  (void)table.begin("kept", digest_of("body"), 0);
  table.commit("kept");
  for (int i = 0; i < 5000; ++i) {
    const std::string id = std::to_string(i);
    (void)table.begin(id, digest_of("body"), 0);
    if (i % 2 == 0) {
      table.abandon(id);
    } else {
      const std::string next = id + "n";  // abandoned out of order
      (void)table.begin(next, digest_of("body"), 0);
      table.abandon(id);
      table.abandon(next);
    }
  }
  EXPECT_EQ(table.begin("kept", digest_of("body"), 0), DedupVerdict::kDuplicate);
  EXPECT_EQ(table.begin("pending", digest_of("body"), 0), DedupVerdict::kBusy);
  EXPECT_EQ(table.forgotten(), 0U);
}

TEST(DedupTable, ObeysNewLimits) {
  DedupTable table(kWindow, 100);
  for (int i = 0; i < 10; ++i) {
    (void)table.begin(std::to_string(i), digest_of("body"), 0);
    table.commit(std::to_string(i));
  }
  table.set_limits(kWindow, 4);
  (void)table.begin("new", digest_of("body"), 1);
  EXPECT_EQ(table.size(), 4U);
  table.set_limits(10, 4);
  EXPECT_EQ(table.begin("9", digest_of("body"), 11), DedupVerdict::kNew);
}

TEST(DedupTable, GivesAnIdToOneOfManyThreads) {
  DedupTable table(60'000, 100'000);
  std::atomic<int> owners{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        if (table.begin(std::to_string(i), digest_of("body"), 0) == DedupVerdict::kNew) {
          owners.fetch_add(1);
          table.commit(std::to_string(i));
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(owners.load(), 500);
}

}  // namespace
}  // namespace pushwire::hub
