#include "net/local_buffer.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace pushwire::net {
namespace {

LocalBuffer buffer_of(std::string_view text) {
  return {SharedBuffer::copy_of(text), FrameKind::kMessage};
}

TEST(LocalBuffer, IsEmptyByDefault) {
  const LocalBuffer buffer;
  EXPECT_FALSE(buffer);
  EXPECT_EQ(buffer.size(), 0U);
  EXPECT_EQ(buffer.view(), "");
}

TEST(LocalBuffer, CopiesShareTheBytes) {
  LocalBuffer first = buffer_of("text");
  const LocalBuffer second = first;
  EXPECT_EQ(first.view().data(), second.view().data());
  first = {};
  EXPECT_FALSE(first);
  EXPECT_EQ(second.view(), "text");
  EXPECT_EQ(second.kind(), FrameKind::kMessage);
}

TEST(LocalBuffer, MovesLeaveNothingBehind) {
  LocalBuffer first = buffer_of("text");
  const LocalBuffer second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_EQ(second.size(), 4U);
}

TEST(LocalBuffer, AssignmentToItselfKeepsTheBytes) {
  LocalBuffer buffer = buffer_of("text");
  const LocalBuffer& same = buffer;
  buffer = same;
  EXPECT_EQ(buffer.view(), "text");
}

// Leaks and double frees are the address sanitizer's to find.
TEST(LocalBuffer, LastOwnerFreesWhateverTheOrder) {
  std::vector<LocalBuffer> owners(100, buffer_of("text"));
  owners.erase(owners.begin(), owners.begin() + 50);
  const LocalBuffer last = owners.back();
  owners.clear();
  EXPECT_EQ(last.view(), "text");
}

}  // namespace
}  // namespace pushwire::net
