// What nodes ask each other, and how complete the answers are.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "hub/cluster.h"
#include "hub/cluster_test_support.h"

namespace pushwire::hub {
namespace {

using namespace test;

TEST_F(ClusterTest, AsksAllNodesAndAddsUpTheirAnswers) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  Node& n3 = add("n3");
  n2.count = 10;
  n3.count = 100;
  pass(kSettles);
  n1.cluster.ask(CountSubscribers{"t"}, {.worker = 1, .call = 42});
  talk();
  ASSERT_EQ(n1.replies.size(), 1U);
  EXPECT_EQ(n1.replies[0].call, 42U);
  const OthersAnswer answer = n1.answered();
  EXPECT_EQ(answer.count.count, 220U) << "every worker has its part of a topic";
  EXPECT_TRUE(answer.missing.empty());
  EXPECT_TRUE(n1.asked.empty()) << "its own workers are asked by mail";
}

TEST_F(ClusterTest, ListsSessionsOfAUserWithTheirNodesByHisHomeWorkersAlone) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  n2.sessions.push_back({.device = "phone"});
  pass(kSettles);
  n1.cluster.ask(ListSessions{"alice"}, {});
  talk();
  const OthersAnswer answer = n1.answered();
  ASSERT_EQ(answer.list.sessions.size(), 1U);
  EXPECT_EQ(answer.list.sessions[0].device, "phone");
  EXPECT_EQ(answer.list.sessions[0].node, "n2");
  ASSERT_EQ(n2.asked.size(), 1U);
  EXPECT_EQ(std::get<ListSessions>(n2.asked[0].question).user, "alice");
}

TEST_F(ClusterTest, KicksOnAllNodes) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  n2.count = 3;
  pass(kSettles);
  session::SessionId session;
  session.bytes[3] = 9;
  n1.cluster.ask(KickUser{"alice", session}, {});
  talk();
  EXPECT_EQ(n1.answered().count.count, 3U);
  ASSERT_EQ(n2.asked.size(), 1U);
  EXPECT_EQ(std::get<KickUser>(n2.asked[0].question).session, session);
}

TEST_F(ClusterTest, AnAnswerOfManyEnvelopesComesWhole) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  for (int i = 0; i < 40; ++i) {
    n2.sessions.push_back(
        {.device = std::to_string(i), .topics = std::vector<std::string>(100, std::string(100, 't'))});
  }
  pass(kSettles);
  heard_.clear();
  n1.cluster.ask(ListSessions{"alice"}, {});
  talk();
  const OthersAnswer answer = n1.answered();
  ASSERT_EQ(answer.list.sessions.size(), 40U);
  EXPECT_EQ(answer.list.sessions[39].device, "39");
  EXPECT_TRUE(answer.missing.empty());
  EXPECT_GT(heard_.size(), 5U);
  for (const Envelope& envelope : heard_) {
    EXPECT_LT(envelope.payload.size(), n2.link.largest_record());
  }
}

TEST_F(ClusterTest, NamesTheNodesThatDoNotAnswerInTime) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  Node& n3 = add("n3");
  pass(kSettles);
  n2.deaf = true;
  n1.cluster.ask(CountSubscribers{"t"}, {});
  pass(900);
  EXPECT_TRUE(n1.replies.empty()) << "it may still answer";
  pass(kSettles);
  const OthersAnswer answer = n1.answered();
  EXPECT_EQ(answer.count.count, 2U);
  EXPECT_EQ(answer.missing, Names{"n2"});
  n2.deaf = false;
  (void)n3;
  pass(3'000);
  EXPECT_TRUE(n1.replies.empty()) << "an answer that comes too late is none";
}

TEST_F(ClusterTest, WaitsNoLongerForANodeThatSaysGoodbye) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  pass(kSettles);
  n1.cluster.ask(CountSubscribers{"t"}, {});
  wire_.clear();  // it did not get the question
  n2.cluster.leave();
  talk();
  EXPECT_TRUE(n1.answered().missing.empty());
}

TEST_F(ClusterTest, ANodeThatIsAloneAnswersAtOnce) {
  Node& n1 = add("n1");
  pass(kSettles);
  heard_.clear();
  n1.cluster.ask(CountSubscribers{"t"}, {.worker = 0, .call = 3});
  talk();
  EXPECT_TRUE(n1.answered().complete);
  EXPECT_TRUE(heard_.empty());
}

TEST_F(ClusterTest, ANodeThatHasJustComeUpAsksThoseItDoesNotKnowYet) {
  add("n2");
  pass(kSettles);
  Node& n1 = add("n1");
  n1.cluster.ask(KickUser{"alice", std::nullopt}, {});
  talk();
  EXPECT_TRUE(n1.replies.empty()) << "there may be more";
  pass(Cluster::kPatience + 100);
  const OthersAnswer answer = n1.answered();
  EXPECT_EQ(answer.count.count, 1U);
  EXPECT_TRUE(answer.missing.empty());
  EXPECT_FALSE(answer.complete) << "it has not heard of all when its time is over";
  n1.cluster.ask(KickUser{"alice", std::nullopt}, {});
  talk();
  EXPECT_TRUE(n1.answered().complete);
}

TEST_F(ClusterTest, ANodeThatNobodyHearsIsIncompleteAndForgetsNobody) {
  Node& n1 = add("n1");
  add("n2");
  pass(kSettles);
  n1.deaf = true;  // its link is paused: the bus is up and hands nothing over
  for (int i = 0; i < 200; ++i) {
    clock_ += 100;
    n1.cluster.tick();
  }
  EXPECT_EQ(n1.sees(), Names{"n2"});
  n1.cluster.ask(CountSubscribers{"t"}, {});
  for (int i = 0; i < 11; ++i) {
    clock_ += 100;
    n1.cluster.tick();
  }
  n1.work();
  const OthersAnswer answer = n1.answered();
  EXPECT_EQ(answer.missing, Names{"n2"});
  EXPECT_FALSE(answer.complete);
}

TEST_F(ClusterTest, WithTheBusAwayFromTheStartNothingIsComplete) {
  Node& n1 = add("n1");
  n1.link.up = false;
  pass(kSettles);
  n1.cluster.ask(CountSubscribers{"t"}, {});
  talk();
  const OthersAnswer answer = n1.answered();
  EXPECT_TRUE(answer.missing.empty());
  EXPECT_FALSE(answer.complete);
}

TEST_F(ClusterTest, AsksToBeToldWhoThereIsUntilItHearsItself) {
  add("n2");
  pass(kSettles);
  Node& n1 = add("n1");
  n1.link.outcome = PublishOutcome::kOverloaded;
  pass(600);
  EXPECT_EQ(n1.sees(), Names{});
  n1.link.outcome.reset();
  pass(600);
  EXPECT_EQ(n1.sees(), Names{"n2"}) << "it need not wait until the other speaks by itself";
}

TEST_F(ClusterTest, WithTheBusAwayAllOthersAreMissingAtOnceHoweverLongItLasts) {
  Node& n1 = add("n1");
  add("n2").deaf = false;
  pass(kSettles);
  n1.link.up = false;
  nodes_[1]->deaf = true;
  for (int i = 0; i < 3; ++i) {
    n1.cluster.ask(CountSubscribers{"t"}, {});
    talk();
    EXPECT_EQ(n1.answered().missing, Names{"n2"});
    pass(8'000);
  }
  EXPECT_EQ(n1.cluster.living(), 1U) << "it hears nobody";
  n1.link.up = true;
  pass(9'000);
  EXPECT_EQ(n1.sees(), Names{"n2"}) << "its silence counts from now on";
  pass(2'000);
  EXPECT_EQ(n1.sees(), Names{});
}

TEST_F(ClusterTest, AQuestionThatTheBusRefusesIsAnsweredAtOnce) {
  Node& n1 = add("n1");
  add("n2");
  pass(kSettles);
  for (const PublishOutcome refused : {PublishOutcome::kOverloaded, PublishOutcome::kUnavailable}) {
    n1.link.outcome = refused;
    n1.cluster.ask(CountSubscribers{"t"}, {});
    talk();
    EXPECT_EQ(n1.answered().missing, Names{"n2"});
  }
}

TEST_F(ClusterTest, AQuestionThatIsHandedOverTwiceIsCountedOnce) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  n2.count = 5;
  pass(kSettles);
  n1.cluster.ask(KickUser{"alice", std::nullopt}, {});
  wire_.push_back(wire_.front());
  talk();
  EXPECT_EQ(n1.answered().count.count, 5U);
  EXPECT_EQ(n2.asked.size(), 1U) << "a second kick would close who has connected since";
}

TEST_F(ClusterTest, IgnoresWhatIsForAnotherNodeOrDamaged) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  pass(kSettles);
  Envelope envelope = test::envelope_to(bus::EnvelopeKind::kControl, "n7");
  envelope.origin = "n2";
  envelope.payload = encode_control({99, NodeQuestion{1, CountSubscribers{"t"}}});
  wire_.push_back(envelope);
  envelope.key = "";
  envelope.payload = "nonsense";
  wire_.push_back(envelope);
  envelope.payload = encode_control({99, Announcement{}});
  envelope.origin = "";
  wire_.push_back(envelope);
  talk();
  EXPECT_TRUE(n1.asked.empty());
  EXPECT_TRUE(n2.asked.empty());
  EXPECT_EQ(n1.sees(), Names{"n2"});
}

// A bus that keeps messages hands over after an outage what was asked meanwhile.
TEST_F(ClusterTest, CarriesOutNoKickFromLongAgo) {
  Node& n1 = add("n1");
  pass(kSettles);
  Envelope envelope = test::envelope_to(bus::EnvelopeKind::kControl, "");
  envelope.origin = "n2";
  envelope.payload = encode_control({99, NodeQuestion{1, KickUser{"alice", std::nullopt}}});
  wire_.push_back(envelope);
  talk();
  EXPECT_EQ(n1.asked.size(), 1U);
  envelope.born_ms -= Cluster::kOldestQuestion + 1'000;
  wire_.push_back(envelope);
  talk();
  EXPECT_EQ(n1.asked.size(), 1U);
}

TEST_F(ClusterTest, TakesOnABoundedNumberOfQuestions) {
  Node& n1 = add("n1");
  add("n2").deaf = false;
  pass(kSettles);
  nodes_[1]->deaf = true;
  for (std::size_t i = 0; i < Cluster::kMostQuestions + 5; ++i) {
    n1.cluster.ask(CountSubscribers{"t"}, {});
  }
  talk();
  EXPECT_EQ(n1.replies.size(), 5U);
  pass(1'100);
  EXPECT_EQ(n1.replies.size(), Cluster::kMostQuestions + 5);
}

}  // namespace
}  // namespace pushwire::hub
