#include "hub/question_memory.h"

#include <gtest/gtest.h>

namespace pushwire::hub {
namespace {

TEST(QuestionMemory, KnowsAQuestionAgainForItsTime) {
  QuestionMemory memory(1'000);
  EXPECT_TRUE(memory.is_new(1, 7, 0));
  EXPECT_FALSE(memory.is_new(1, 7, 1'000));
  EXPECT_TRUE(memory.is_new(2, 7, 1'000)) << "another node's";
  EXPECT_TRUE(memory.is_new(1, 8, 1'000));
  EXPECT_TRUE(memory.is_new(1, 7, 1'001));
}

TEST(QuestionMemory, HasALimit) {
  QuestionMemory memory(1'000);
  for (std::uint64_t i = 0; i < 2 * QuestionMemory::kMost; ++i) {
    EXPECT_TRUE(memory.is_new(1, i, 0));
  }
  EXPECT_EQ(memory.size(), QuestionMemory::kMost);
}

}  // namespace
}  // namespace pushwire::hub
