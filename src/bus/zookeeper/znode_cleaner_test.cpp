#include "bus/zookeeper/znode_cleaner.h"

#include <gtest/gtest.h>
#include <zookeeper/zookeeper.h>

#include <string>
#include <vector>

namespace pushwire::bus {
namespace {

class ZNodeCleanerTest : public testing::Test, public ZNodeTree {
 protected:
  std::vector<ZooKeeperEvent> take() override { return {}; }
  int make(const std::string&, std::string_view, int, std::uint64_t) override { return ZOK; }
  int read(const std::string&, std::uint64_t) override { return ZOK; }
  int exists(const std::string&, std::uint64_t) override { return ZOK; }
  int children(const std::string&, std::uint64_t) override { return ZOK; }
  int remove(const std::string& path, std::uint64_t) override {
    removed_.push_back(path);
    return ZOK;
  }

  ZNodeCleaner cleaner_{"/a/", 1'000};
  std::vector<std::string> removed_;
};

using Paths = std::vector<std::string>;

TEST_F(ZNodeCleanerTest, RemovesOnesOwnWhenItsTimeIsOver) {
  cleaner_.made(5, 0);
  cleaner_.made(7, 500);
  cleaner_.remove_old(*this, 999);
  EXPECT_EQ(removed_, Paths{});
  cleaner_.remove_old(*this, 1'000);
  EXPECT_EQ(removed_, Paths{"/a/m-0000000005"});
}

TEST_F(ZNodeCleanerTest, SweepsOnlyWhatIsKnownToBeOld) {
  const Paths names{"m-0000000001", "m-0000000002", "m-0000000003", "notes"};
  cleaner_.last_was(2, 0);
  cleaner_.last_was(3, 900);
  cleaner_.on_swept(names, 999);
  cleaner_.remove_old(*this, 999);
  EXPECT_EQ(removed_, Paths{});
  cleaner_.on_swept(names, 1'000);
  cleaner_.remove_old(*this, 1'000);
  EXPECT_EQ(removed_, (Paths{"/a/m-0000000002", "/a/m-0000000001"}));
}

TEST_F(ZNodeCleanerTest, OldNumbersSayNothingOfAFolderThatCountsFromTheBeginningAgain) {
  cleaner_.made(1, 0);
  cleaner_.last_was(5'000, 0);
  cleaner_.forget();
  cleaner_.last_was(0, 900);
  cleaner_.on_swept({"m-0000000001", "m-0000000002"}, 1'500);
  cleaner_.remove_old(*this, 1'500);
  EXPECT_EQ(removed_, Paths{});
}

TEST_F(ZNodeCleanerTest, SweepsNowAndThen) {
  EXPECT_FALSE(cleaner_.is_sweep_due(1));
  EXPECT_FALSE(cleaner_.is_sweep_due(ZNodeCleaner::kSweepEveryMs));
  const MonotonicMs due = 1 + ZNodeCleaner::kSweepEveryMs;
  EXPECT_TRUE(cleaner_.is_sweep_due(due));
  EXPECT_FALSE(cleaner_.is_sweep_due(due + ZNodeCleaner::kSweepEveryMs - 1));
  EXPECT_TRUE(cleaner_.is_sweep_due(due + 2 * ZNodeCleaner::kSweepEveryMs));
}

}  // namespace
}  // namespace pushwire::bus
