#include "bus/nats/library.h"

#include <gtest/gtest.h>

namespace pushwire::bus::nats {
namespace {

TEST(NatsLibrary, CanBeOpenedAgainAfterItsLastUserHasGone) {
  for (int round = 0; round < 3; ++round) {
    const Library library;
    natsOptions* options = nullptr;
    ASSERT_EQ(natsOptions_Create(&options), NATS_OK);
    natsOptions_Destroy(options);
  }
}

TEST(NatsErrorText, SaysWhatTheLibrarySaysWithoutThePlaceInItsSource) {
  const Library library;
  EXPECT_EQ(natsOptions_SetTimeout(nullptr, 1), NATS_INVALID_ARG);
  const std::string text = error_text(NATS_INVALID_ARG);
  EXPECT_FALSE(text.empty());
  EXPECT_EQ(text.find(".c:"), std::string::npos) << text;
  nats_ReleaseThreadMemory();
}

}  // namespace
}  // namespace pushwire::bus::nats
