#include "base/slab.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <vector>

namespace pushwire {
namespace {

// Counts its living objects, and owns memory so that a forgotten destructor is a leak.
struct Thing {
  Thing(std::uint32_t own_slot, int what, int& living)
      : slot(own_slot), value(std::make_unique<int>(what)), alive(living) {
    ++alive;
  }
  ~Thing() { --alive; }
  const std::uint32_t slot;
  std::unique_ptr<int> value;
  int& alive;
};

class SlabTest : public testing::Test {
 protected:
  Thing& add(int value) { return slab_.emplace(value, alive_); }
  std::vector<int> walk() {
    std::vector<int> values;
    std::uint32_t cursor = 0;
    while (Thing* thing = slab_.next(cursor)) {
      values.push_back(*thing->value);
    }
    return values;
  }

  int alive_ = 0;
  Slab<Thing> slab_;
};

TEST_F(SlabTest, GivesEachObjectItsSlotAndFindsItThere) {
  Thing& first = add(10);
  Thing& second = add(20);
  EXPECT_NE(first.slot, second.slot);
  EXPECT_EQ(&slab_.at(first.slot), &first);
  EXPECT_EQ(&slab_.at(second.slot), &second);
  EXPECT_EQ(slab_.size(), 2U);
}

TEST_F(SlabTest, KeepsAddressesWhileItGrows) {
  Thing& first = add(1);
  for (int i = 0; i < 1000; ++i) {
    add(i);
  }
  EXPECT_EQ(&slab_.at(first.slot), &first);
  EXPECT_EQ(*first.value, 1);
}

TEST_F(SlabTest, DestroysWhatIsErasedAtOnceAndTheRestAtItsEnd) {
  {
    Slab<Thing> slab;
    Thing& gone = slab.emplace(1, alive_);
    for (int i = 0; i < 200; ++i) {
      slab.emplace(i, alive_);
    }
    slab.erase(gone.slot);
    EXPECT_EQ(alive_, 200);
  }
  EXPECT_EQ(alive_, 0);
}

TEST_F(SlabTest, ReusesFreedSlotsBeforeItGrows) {
  std::vector<std::uint32_t> slots;
  for (int i = 0; i < 128; ++i) {
    slots.push_back(add(i).slot);
  }
  EXPECT_EQ(slab_.slots(), 128U);
  slab_.erase(slots[3]);
  slab_.erase(slots[100]);
  add(1);
  add(2);
  EXPECT_EQ(slab_.slots(), 128U);
  EXPECT_EQ(slab_.size(), 128U);
}

TEST_F(SlabTest, UsesAChunkAgainThatHadBecomeEmpty) {
  for (int round = 0; round < 3; ++round) {
    std::vector<std::uint32_t> slots;
    for (int i = 0; i < 64; ++i) {
      slots.push_back(add(i).slot);
    }
    EXPECT_EQ(slab_.slots(), 64U);
    for (const std::uint32_t slot : slots) {
      slab_.erase(slot);
    }
    EXPECT_EQ(slab_.size(), 0U);
    EXPECT_TRUE(walk().empty());
  }
}

TEST_F(SlabTest, WalksInOrderOfSlotsAcrossEmptyChunks) {
  std::vector<std::uint32_t> slots;
  for (int i = 0; i < 256; ++i) {
    slots.push_back(add(i).slot);
  }
  for (int i = 1; i < 255; ++i) {
    slab_.erase(slots[static_cast<std::size_t>(i)]);
  }
  EXPECT_EQ(walk(), (std::vector<int>{0, 255}));
}

TEST_F(SlabTest, AWalkSurvivesThatItsObjectIsErased) {
  for (int i = 0; i < 130; ++i) {
    add(i);
  }
  std::uint32_t cursor = 0;
  int seen = 0;
  while (Thing* thing = slab_.next(cursor)) {
    slab_.erase(thing->slot);
    ++seen;
  }
  EXPECT_EQ(seen, 130);
  EXPECT_EQ(alive_, 0);
}

TEST_F(SlabTest, AWalkEndsForGoodUntilSomethingIsAddedBehindIt) {
  add(1);
  std::uint32_t cursor = 0;
  ASSERT_NE(slab_.next(cursor), nullptr);
  EXPECT_EQ(slab_.next(cursor), nullptr);
  EXPECT_EQ(slab_.next(cursor), nullptr);
}

// Never skips what was there when it began and still is, and never meets an object twice, whatever happens meanwhile.
TEST_F(SlabTest, AWalkMeetsEachThatStaysOnceWhileOthersComeAndGo) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::set<std::uint32_t> present;
    while (slab_.size() < 300) {
      add(0);
    }
    std::uint32_t cursor = 0;
    while (Thing* thing = slab_.next(cursor)) {
      present.insert(thing->slot);
    }
    std::set<std::uint32_t> met;
    std::set<std::uint32_t> erased;
    cursor = 0;
    while (Thing* thing = slab_.next(cursor)) {
      EXPECT_TRUE(met.insert(thing->slot).second);
      for (int i = 0; i < 2; ++i) {
        const auto slot = static_cast<std::uint32_t>(random() % 300);
        if (present.contains(slot) && erased.insert(slot).second) {
          slab_.erase(slot);
        }
      }
      if (random() % 3 == 0) {
        erased.insert(add(0).slot);  // a newcomer: may be met or not, and is not to be erased by number
      }
    }
    for (const std::uint32_t slot : present) {
      EXPECT_TRUE(met.contains(slot) || erased.contains(slot)) << slot;
    }
  }
}

using SlabDeathTest = SlabTest;

TEST_F(SlabDeathTest, DiesWhenASlotIsErasedTwice) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  add(1);
  const std::uint32_t slot = add(2).slot;
  slab_.erase(slot);
  EXPECT_DEATH(slab_.erase(slot), "check failed");
}

}  // namespace
}  // namespace pushwire
