#include "bus/sequence_tracker.h"

#include <gtest/gtest.h>

namespace pushwire::bus {
namespace {

constexpr MonotonicMs kGrace = 1'000;
constexpr std::uint64_t kRun = 5;
using Verdict = SequenceTracker::Verdict;

class SequenceTrackerTest : public testing::Test {
 protected:
  Verdict saw(std::uint64_t number, MonotonicMs now = 0) { return tracker_.saw({kRun, number}, now); }
  SequenceTracker tracker_{kGrace};
};

TEST_F(SequenceTrackerTest, TakesEachNumberOnce) {
  EXPECT_EQ(saw(1), Verdict::kNew);
  EXPECT_EQ(saw(2), Verdict::kNew);
  EXPECT_EQ(saw(1), Verdict::kRepeated);
  EXPECT_EQ(saw(2), Verdict::kRepeated);
  EXPECT_EQ(saw(3), Verdict::kNew);
  EXPECT_EQ(tracker_.take_missed(10 * kGrace), 0U);
}

TEST_F(SequenceTrackerTest, CountsAHoleOnceTheGraceIsOver) {
  saw(1);
  saw(5);
  EXPECT_TRUE(tracker_.is_waiting());
  EXPECT_EQ(tracker_.take_missed(kGrace - 1), 0U);
  EXPECT_EQ(tracker_.take_missed(kGrace), 3U);
  EXPECT_EQ(tracker_.take_missed(2 * kGrace), 0U) << "once";
  EXPECT_FALSE(tracker_.is_waiting());
}

TEST_F(SequenceTrackerTest, DoesNotMissWhatComesLate) {
  saw(1);
  saw(5);
  saw(3, 10);
  saw(2, 20);
  EXPECT_EQ(tracker_.take_missed(kGrace), 1U) << "only 4";
  EXPECT_EQ(saw(4, kGrace + 1), Verdict::kNew) << "later still it is delivered nevertheless";
}

TEST_F(SequenceTrackerTest, DoesNotMissWhatWasBeforeItsTime) {
  EXPECT_EQ(saw(1000), Verdict::kNew);
  EXPECT_EQ(saw(998), Verdict::kNew) << "from another queue";
  EXPECT_EQ(saw(998), Verdict::kRepeated);
  EXPECT_EQ(tracker_.take_missed(10 * kGrace), 0U);
}

TEST_F(SequenceTrackerTest, LearnsFromTheNodeHowFarItIs) {
  saw(1);
  tracker_.reached({kRun, 4}, 0);
  EXPECT_EQ(tracker_.take_missed(kGrace), 2U);
  tracker_.reached({kRun, 4}, kGrace);
  EXPECT_EQ(tracker_.take_missed(3 * kGrace), 0U);
}

TEST_F(SequenceTrackerTest, DoesNotMissWhatWasRefused) {
  saw(1);
  tracker_.reached({kRun, 6}, 0);
  tracker_.refused(kRun, {{2, 3}});
  EXPECT_EQ(tracker_.take_missed(kGrace), 2U);
  EXPECT_EQ(saw(2, kGrace), Verdict::kNew) << "it may have reached the bus all the same";
}

TEST_F(SequenceTrackerTest, KeepsRunsApart) {
  saw(1);
  EXPECT_EQ(tracker_.saw({kRun + 1, 1}, 0), Verdict::kNew);
  tracker_.saw({kRun + 1, 3}, 0);
  EXPECT_EQ(tracker_.take_missed(kGrace), 1U);
}

TEST_F(SequenceTrackerTest, CountsExactlyOverAJumpBeyondItsWindow) {
  constexpr std::uint64_t kJump = 3 * SequenceTracker::kWindow;
  saw(1);
  saw(kJump, 0);
  EXPECT_EQ(tracker_.take_missed(kGrace), kJump - 2);
  EXPECT_EQ(saw(2, kGrace), Verdict::kRepeated) << "too old to be told from a repeat: counted as missed before";
}

TEST_F(SequenceTrackerTest, CountsWhatLeavesTheWindowBeforeItsGraceIsOver) {
  saw(1);
  saw(3);  // 2 is missing
  for (std::uint64_t number = 4; number < 4 + 2 * SequenceTracker::kWindow; ++number) {
    ASSERT_EQ(saw(number), Verdict::kNew);
  }
  EXPECT_EQ(tracker_.take_missed(1), 1U);
}

TEST_F(SequenceTrackerTest, RemembersTheWholeWindow) {
  for (std::uint64_t number = 1; number <= SeenWindow::kFirstSize; ++number) {
    saw(number);
  }
  EXPECT_EQ(saw(1), Verdict::kRepeated);
  saw(SeenWindow::kFirstSize + 2);
  EXPECT_EQ(saw(SeenWindow::kFirstSize + 1, 5), Verdict::kNew);
  EXPECT_EQ(tracker_.take_missed(kGrace), 0U);
}

TEST_F(SequenceTrackerTest, StaysSmallWhenSomebodyInventsRuns) {
  for (std::uint64_t run = 0; run < 2 * SequenceTracker::kMostRuns; ++run) {
    tracker_.saw({run, 1}, static_cast<MonotonicMs>(run));
    tracker_.saw({run, 3}, static_cast<MonotonicMs>(run));
  }
  EXPECT_EQ(tracker_.runs(), SequenceTracker::kMostRuns);
  EXPECT_TRUE(tracker_.is_waiting());
}

TEST_F(SequenceTrackerTest, FindsNumbersThatCannotBe) {
  EXPECT_TRUE(tracker_.is_plausible({kRun, 1'000'000'000'000})) << "a run that is not known may be anywhere";
  saw(1);
  EXPECT_TRUE(tracker_.is_plausible({kRun, 1'000'000'000}));
  EXPECT_TRUE(tracker_.is_plausible({kRun, 0}));
  EXPECT_FALSE(tracker_.is_plausible({kRun, std::uint64_t{1} << 40}));
  EXPECT_FALSE(tracker_.is_plausible({kRun, ~std::uint64_t{0}}));
  EXPECT_FALSE(tracker_.is_plausible({kRun + 1, ~std::uint64_t{0}}));
  tracker_.refused(kRun, {{~std::uint64_t{0}, 0}});
  saw(3);
  EXPECT_EQ(tracker_.take_missed(10 * kGrace), 1U);
}

// Two queues are read at very different speed after an outage.
TEST_F(SequenceTrackerTest, WaitsForWhatIsFarBehindTheOthers) {
  saw(1);
  for (std::uint64_t number = 3; number < 10 * SeenWindow::kFirstSize; number += 2) {
    ASSERT_EQ(saw(number), Verdict::kNew);
  }
  for (std::uint64_t number = 2; number < 10 * SeenWindow::kFirstSize; number += 2) {
    ASSERT_EQ(saw(number), Verdict::kNew) << number;
  }
  EXPECT_EQ(saw(2), Verdict::kRepeated);
  EXPECT_EQ(saw(3), Verdict::kRepeated);
  EXPECT_EQ(tracker_.take_missed(kGrace), 0U);
}

TEST_F(SequenceTrackerTest, WaitsAnewAfterATimeInWhichNothingCouldCome) {
  saw(1);
  saw(3);
  tracker_.start_waiting(10 * kGrace);
  EXPECT_EQ(tracker_.take_missed(11 * kGrace - 1), 0U);
  EXPECT_EQ(tracker_.take_missed(11 * kGrace), 1U);
}

TEST_F(SequenceTrackerTest, CountsWhatARunThatIsForgottenLacks) {
  saw(1);
  saw(3);
  for (std::uint64_t run = 100; run < 100 + SequenceTracker::kMostRuns; ++run) {
    tracker_.saw({run, 1}, 1);
  }
  EXPECT_EQ(tracker_.take_missed(2), 1U) << "its time was not over, but nobody waits for it any more";
}

// 1,024 ranges with each word of a node, and a hole as large as the window: milliseconds.
TEST_F(SequenceTrackerTest, IsNotHeldUpByManyRefusedNumbers) {
  saw(1);
  saw(SequenceTracker::kWindow);
  std::vector<NumberRange> ranges;
  for (std::uint64_t number = 2; ranges.size() < kMaxRefusedRanges; number += 10) {
    ranges.push_back({number, number + 1});
  }
  for (int i = 0; i < 100; ++i) {
    tracker_.refused(kRun, ranges);
  }
  EXPECT_EQ(tracker_.take_missed(kGrace), SequenceTracker::kWindow - 2 - 2 * kMaxRefusedRanges);
}

TEST_F(SequenceTrackerTest, KnowsARangeThatHasGrownSinceItWasTold) {
  saw(1);
  saw(10);
  tracker_.refused(kRun, {{2, 3}});
  tracker_.refused(kRun, {{2, 6}});
  tracker_.refused(kRun, {{2, 3}});  // told late
  EXPECT_EQ(tracker_.take_missed(kGrace), 3U);
}

}  // namespace
}  // namespace pushwire::bus
