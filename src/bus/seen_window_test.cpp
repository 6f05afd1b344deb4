#include "bus/seen_window.h"

#include <gtest/gtest.h>

namespace pushwire::bus {
namespace {

TEST(SeenWindow, RemembersEachNumberOfItsSize) {
  SeenWindow window;
  EXPECT_EQ(window.size(), SeenWindow::kFirstSize);
  window.set(70'000);
  EXPECT_TRUE(window.test(70'000));
  EXPECT_FALSE(window.test(70'001));
  window.reset(70'000);
  EXPECT_FALSE(window.test(70'000));
}

TEST(SeenWindow, GrowsAndKeepsWhatItHas) {
  SeenWindow window;
  const std::uint64_t end = 3 * SeenWindow::kFirstSize + 5;
  for (std::uint64_t number = end - SeenWindow::kFirstSize; number < end; number += 3) {
    window.set(number);
  }
  window.grow(SeenWindow::kFirstSize + 1, end);
  EXPECT_EQ(window.size(), 2 * SeenWindow::kFirstSize);
  for (std::uint64_t number = end - SeenWindow::kFirstSize; number < end; ++number) {
    ASSERT_EQ(window.test(number), (number - (end - SeenWindow::kFirstSize)) % 3 == 0) << number;
  }
  EXPECT_FALSE(window.test(end - SeenWindow::kFirstSize - 1)) << "not known before";
}

TEST(SeenWindow, HasALimitAndNeverShrinks) {
  SeenWindow window;
  window.grow(~std::uint64_t{0}, 5);
  EXPECT_EQ(window.size(), SeenWindow::kMostSize);
  window.grow(1, 5);
  EXPECT_EQ(window.size(), SeenWindow::kMostSize);
}

}  // namespace
}  // namespace pushwire::bus
