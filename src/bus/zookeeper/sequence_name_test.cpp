#include "bus/zookeeper/sequence_name.h"

#include <gtest/gtest.h>

#include <limits>

namespace pushwire::bus {
namespace {

constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t kHighest = std::numeric_limits<std::int32_t>::max();

TEST(SequenceName, IsSpeltAsTheServerSpellsIt) {
  EXPECT_EQ(znode_name(0), "m-0000000000");
  EXPECT_EQ(znode_name(kHighest), "m-2147483647");
  EXPECT_EQ(znode_name(kLowest), "m--2147483648");
  EXPECT_EQ(znode_name(-5), "m--000000005");
}

TEST(SequenceName, IsReadBackFromNamesAndPaths) {
  for (const std::int32_t number : {0, 7, kHighest, kLowest, -5}) {
    EXPECT_EQ(znode_number(znode_name(number)), number);
    EXPECT_EQ(znode_number("/pushwire/a/messages/" + znode_name(number)), number);
  }
  for (const char* other : {"", "m-", "m-12x", "n-0000000001", "/m-1/", "m-99999999999"}) {
    EXPECT_FALSE(znode_number(other)) << other;
  }
}

TEST(SequenceName, GoesOnAfterTheHighestNumber) {
  EXPECT_EQ(number_after(kHighest), kLowest);
  EXPECT_TRUE(is_later(kLowest, kHighest));
  EXPECT_FALSE(is_later(kHighest, kLowest));
  EXPECT_TRUE(is_later(5, 4));
  EXPECT_FALSE(is_later(4, 4));
}

}  // namespace
}  // namespace pushwire::bus
