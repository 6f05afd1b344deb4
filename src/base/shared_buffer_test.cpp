#include "base/shared_buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace pushwire {
namespace {

TEST(SharedBuffer, IsEmptyUntilBuilt) {
  const SharedBuffer buffer;
  EXPECT_FALSE(buffer);
  EXPECT_EQ(buffer.size(), 0U);
  EXPECT_TRUE(buffer.view().empty());
}

TEST(SharedBuffer, HoldsTheBytesItWasBuiltFrom) {
  std::string source = "frame";
  const SharedBuffer buffer = SharedBuffer::copy_of(source);
  source[0] = 'x';
  EXPECT_TRUE(buffer);
  EXPECT_EQ(buffer.view(), "frame");
}

TEST(SharedBuffer, CanHoldNothingAndStillExist) {
  const SharedBuffer buffer = SharedBuffer::copy_of({});
  EXPECT_TRUE(buffer);
  EXPECT_EQ(buffer.size(), 0U);
}

TEST(SharedBuffer, LetsTheCallerFillItsBytes) {
  const SharedBuffer buffer = SharedBuffer::build(3, [](char* out) { std::memcpy(out, "abc", 3); });
  EXPECT_EQ(buffer.view(), "abc");
}

TEST(SharedBuffer, CopiesShareTheSameBytes) {
  SharedBuffer first = SharedBuffer::copy_of("shared");
  const SharedBuffer second = first;
  EXPECT_EQ(first.view().data(), second.view().data());
  first = SharedBuffer();
  EXPECT_EQ(second.view(), "shared");
}

TEST(SharedBuffer, MovesLeaveNothingBehind) {
  SharedBuffer first = SharedBuffer::copy_of("moved");
  const SharedBuffer second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT: the state after a move is promised
  EXPECT_EQ(second.view(), "moved");
}

TEST(SharedBuffer, SurvivesAssignmentToItself) {
  SharedBuffer buffer = SharedBuffer::copy_of("self");
  const SharedBuffer& same = buffer;
  buffer = same;
  EXPECT_EQ(buffer.view(), "self");
}

// The sanitizers see a lost or doubled reference here.
TEST(SharedBuffer, CountsReferencesOfManyThreads) {
  SharedBuffer buffer = SharedBuffer::copy_of("from many threads");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = buffer] {
      for (int turn = 0; turn < 1000; ++turn) {
        const SharedBuffer own = copy;
        ASSERT_EQ(own.view(), "from many threads");
      }
    });
  }
  buffer = SharedBuffer();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace pushwire
