#include "server/version.h"

#include <gtest/gtest.h>

namespace pushwire::server {
namespace {

TEST(Version, IsNeverEmpty) {
  EXPECT_FALSE(version().empty());
  EXPECT_FALSE(commit().empty());
}

}  // namespace
}  // namespace pushwire::server
