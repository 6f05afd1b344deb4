#include "hub/survey.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pushwire::hub {
namespace {

constexpr std::uint64_t kSelf = 1;

std::vector<Member> members() {
  std::vector<Member> list;
  for (std::uint64_t run = kSelf; run <= 3; ++run) {
    Member& member = list.emplace_back();
    member.name = "n" + std::to_string(run);
    member.run = run;
  }
  return list;
}

NodeAnswer count(std::uint64_t n) {
  return {.answer = Count{n}};
}
NodeAnswer part_of(std::uint16_t part, bool last, std::size_t sessions = 1) {
  SessionList list;
  list.sessions.resize(sessions);
  return {.part = part, .last = last, .answer = std::move(list)};
}
using Names = std::vector<std::string>;

class SurveyTest : public testing::Test {
 protected:
  SurveyTest() { survey_.expect(members(), kSelf); }

  Survey survey_{{.worker = 2, .call = 9}, 1'000, Survey::Until::kAllHaveAnswered};
};

TEST_F(SurveyTest, IsDoneWhenAllOthersHaveAnswered) {
  EXPECT_FALSE(survey_.done());
  survey_.hear("n2", 2, count(4));
  EXPECT_FALSE(survey_.done());
  survey_.hear("n3", 3, count(5));
  EXPECT_TRUE(survey_.done());
  const OthersAnswer answer = survey_.take();
  EXPECT_EQ(answer.count.count, 9U);
  EXPECT_TRUE(answer.missing.empty());
}

TEST_F(SurveyTest, NamesWhoHasNotAnswered) {
  survey_.hear("n3", 3, count(5));
  const OthersAnswer answer = survey_.take();
  EXPECT_EQ(answer.count.count, 5U);
  EXPECT_EQ(answer.missing, Names{"n2"});
  EXPECT_FALSE(answer.complete);
}

TEST(Survey, OfNobodyIsDone) {
  Survey survey({}, 0, Survey::Until::kAllHaveAnswered);
  EXPECT_TRUE(survey.done());
  survey.expect({members()[0]}, kSelf);
  EXPECT_TRUE(survey.done()) << "this node is asked by other ways";
  EXPECT_TRUE(survey.take().complete);
}

TEST(Survey, GoesOnToItsDeadlineWhileItIsNotKnownWhoLives) {
  Survey survey({}, 0, Survey::Until::kDeadline);
  survey.expect({members()[1]}, kSelf);
  survey.hear("n2", 2, count(4));
  EXPECT_FALSE(survey.done());
  survey.expect({members()[1], members()[2]}, kSelf);
  const OthersAnswer answer = survey.take();
  EXPECT_EQ(answer.count.count, 4U);
  EXPECT_EQ(answer.missing, Names{"n3"}) << "it has appeared meanwhile";
  EXPECT_FALSE(answer.complete);
}

TEST_F(SurveyTest, CountsAnAnswerOnceThoughItComesTwice) {
  survey_.hear("n2", 2, count(4));
  survey_.hear("n2", 2, count(4));
  survey_.hear("n3", 3, part_of(0, false));
  survey_.hear("n3", 3, part_of(0, false));
  survey_.hear("n3", 3, part_of(1, true));
  survey_.hear("n3", 3, part_of(1, true));
  EXPECT_TRUE(survey_.done());
  const OthersAnswer answer = survey_.take();
  EXPECT_EQ(answer.count.count, 4U);
  EXPECT_EQ(answer.list.sessions.size(), 2U);
}

TEST_F(SurveyTest, AnAnswerOfWhichAPartWasLostIsMissing) {
  survey_.hear("n2", 2, part_of(0, false));
  survey_.hear("n2", 2, part_of(2, true));
  survey_.hear("n3", 3, part_of(0, true));
  EXPECT_FALSE(survey_.done());
  const OthersAnswer answer = survey_.take();
  EXPECT_EQ(answer.missing, Names{"n2"});
  EXPECT_EQ(answer.list.sessions.size(), 2U) << "what came is told all the same";
  EXPECT_EQ(answer.list.sessions[0].node, "n2");
  EXPECT_EQ(answer.list.sessions[1].node, "n3");
}

TEST_F(SurveyTest, AnAnswerThatWasCutIsMissingWithoutWaiting) {
  NodeAnswer cut = part_of(0, true);
  cut.truncated = true;
  survey_.hear("n2", 2, std::move(cut));
  survey_.hear("n3", 3, part_of(0, true));
  EXPECT_TRUE(survey_.done());
  EXPECT_EQ(survey_.take().missing, Names{"n2"});
}

TEST_F(SurveyTest, ANodeThatSaysGoodbyeIsNotWaitedForNorMissing) {
  survey_.hear("n2", 2, count(4));
  survey_.hear("n3", 3, part_of(0, false));
  survey_.leave(3);
  EXPECT_TRUE(survey_.done());
  const OthersAnswer answer = survey_.take();
  EXPECT_TRUE(answer.missing.empty());
  EXPECT_TRUE(answer.list.sessions.empty()) << "they went with it";
}

TEST_F(SurveyTest, ANodeThatHasAppearedMayAnswerButIsNotWaitedFor) {
  survey_.hear("n4", 4, count(1));
  survey_.hear("n2", 2, count(1));
  survey_.hear("n3", 3, count(1));
  EXPECT_TRUE(survey_.done());
  EXPECT_EQ(survey_.take().count.count, 3U);
}

TEST_F(SurveyTest, WhoSaysTooMuchIsMissing) {
  survey_.hear("n2", 2, part_of(0, false, Survey::kMostBytes / sizeof(SessionInfo)));
  survey_.hear("n3", 3, part_of(0, true, 1));
  EXPECT_TRUE(survey_.done());
  const OthersAnswer answer = survey_.take();
  EXPECT_EQ(answer.missing, Names{"n2"});
  EXPECT_EQ(answer.list.sessions.size(), 1U);
}

}  // namespace
}  // namespace pushwire::hub
