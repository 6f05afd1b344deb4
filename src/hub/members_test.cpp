#include "hub/members.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pushwire::hub {
namespace {

using Heard = Members::Heard;

std::vector<std::string> names(const Members& members) {
  std::vector<std::string> list;
  for (const Member& member : members.all()) {
    list.push_back(member.name + "/" + std::to_string(member.run));
  }
  return list;
}
using Names = std::vector<std::string>;

TEST(Members, KnowsANodeFromItsFirstAnnouncementUntilItIsSilentForTooLong) {
  Members members;
  EXPECT_EQ(members.hear("n1", 1, {.connections = 5}, 0), Heard::kFine);
  EXPECT_EQ(members.hear("n2", 2, {}, 1'000), Heard::kFine);
  EXPECT_EQ(members.hear("n1", 1, {.connections = 6}, 2'000), Heard::kFine);
  EXPECT_EQ(names(members), (Names{"n1/1", "n2/2"}));
  EXPECT_EQ(members.all()[0].state.connections, 6U);
  EXPECT_EQ(members.all()[0].heard_at, 2'000);
  members.expire(1'000 + Members::kSilence - 1);
  EXPECT_EQ(members.all().size(), 2U);
  members.expire(1'000 + Members::kSilence);
  EXPECT_EQ(names(members), (Names{"n1/1"}));
}

TEST(Members, ForgetsWhoSaysGoodbyeAtOnce) {
  Members members;
  members.hear("n1", 1, {}, 0);
  members.hear("n2", 2, {}, 0);
  members.leave(1, 0);
  members.leave(77, 0);
  EXPECT_EQ(names(members), (Names{"n2/2"}));
  EXPECT_EQ(members.hear("n1", 1, {}, 100), Members::Heard::kGone) << "a word that was overtaken by its goodbye";
  EXPECT_EQ(names(members), (Names{"n2/2"}));
}

TEST(Members, PardonsTheSilenceOfATimeInWhichNobodyCouldBeHeard) {
  Members members;
  members.hear("n1", 1, {}, 0);
  members.pardon(60'000);
  members.expire(60'000 + Members::kSilence - 1);
  EXPECT_EQ(names(members), (Names{"n1/1"}));
  EXPECT_EQ(members.all()[0].heard_at, 0) << "what is shown is when it was really heard";
  members.expire(60'000 + Members::kSilence);
  EXPECT_TRUE(members.all().empty());
}

TEST(Members, FindsTwoLivingNodesOfOneName) {
  Members members;
  EXPECT_EQ(members.hear("n1", 1, {}, 0), Heard::kFine);
  EXPECT_EQ(members.hear("n1", 2, {}, 500), Heard::kFine) << "it may have been started anew";
  EXPECT_EQ(members.hear("n1", 1, {}, 2'000), Heard::kTwin);
  EXPECT_EQ(members.hear("n1", 2, {}, 2'500), Heard::kTwin);
  EXPECT_EQ(names(members), (Names{"n1/1", "n1/2"})) << "both are there";
}

TEST(Members, ANodeStartedAnewTakesThePlaceOfItsFormerSelf) {
  Members members;
  EXPECT_EQ(members.hear("n1", 1, {}, 0), Heard::kFine);
  EXPECT_EQ(members.hear("n1", 1, {}, 2'000), Heard::kFine);
  EXPECT_EQ(members.hear("n1", 2, {}, 3'000), Heard::kFine);
  EXPECT_EQ(members.all().size(), 2U);
  EXPECT_EQ(members.hear("n1", 2, {}, 5'000), Heard::kFine);
  EXPECT_EQ(names(members), (Names{"n1/2"}));
}

TEST(Members, DifferentNamesAreNoTwins) {
  Members members;
  for (MonotonicMs now = 0; now < 10'000; now += 2'000) {
    EXPECT_EQ(members.hear("n1", 1, {}, now), Heard::kFine);
    EXPECT_EQ(members.hear("n2", 2, {}, now + 1), Heard::kFine);
  }
}

TEST(Members, HasALimit) {
  Members members;
  for (std::uint64_t run = 1; run <= Members::kMost; ++run) {
    EXPECT_EQ(members.hear("n" + std::to_string(run), run, {}, 0), Heard::kFine);
  }
  EXPECT_EQ(members.hear("more", Members::kMost + 1, {}, 0), Heard::kTooMany);
  EXPECT_EQ(members.hear("n1", 1, {}, 1), Heard::kFine) << "those who are in it stay";
  EXPECT_EQ(members.all().size(), Members::kMost);
}

}  // namespace
}  // namespace pushwire::hub
