#include "hub/cluster.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "hub/dispatcher.h"
#include "hub/hub_test_support.h"

namespace pushwire::hub {
namespace {

using bus::Envelope;
using bus::PublishOutcome;

// What was published and not handed over yet. Everything on it goes to every node.
using Wire = std::deque<Envelope>;

class WireBus final : public bus::Bus {
 public:
  explicit WireBus(Wire& wire) : wire_(wire) {}
  std::string_view name() const noexcept override { return "wire"; }
  Result<> start(bus::EnvelopeSink&, bus::PublishListener&) override { return {}; }
  std::optional<PublishOutcome> publish(Envelope&& envelope, bus::PublishTicket) override {
    if (outcome && *outcome != PublishOutcome::kAccepted) {
      return outcome;
    }
    wire_.push_back(std::move(envelope));
    return outcome;
  }
  bus::Health health() const override { return {.up = up, .reason = {}}; }
  bus::Capabilities capabilities() const override { return {}; }
  std::size_t largest_record() const noexcept override { return 100'000; }
  const bus::BusCounters& counters() const noexcept override { return counters_; }
  void stop() override {}

  bool up = true;
  std::optional<PublishOutcome> outcome;

 private:
  Wire& wire_;
  bus::BusCounters counters_;
};

constexpr std::uint32_t kWorkers = 2;

struct Node {
  Node(Wire& wire, MonotonicMs& clock, std::string name)
      : link(wire),
        router({&boxes[0], &boxes[1]}),
        cluster(link, router,
                {.name = std::move(name), .state = [this] { return state; }, .clock = [&clock] { return clock; }}),
        dispatcher(link, router, dedup, &cluster) {}

  // The workers answer what other nodes ask, and keep what is for the API.
  void work() {
    for (std::uint32_t worker = 0; worker < kWorkers; ++worker) {
      std::vector<WorkerMail> mail;
      boxes[worker].drain([&](WorkerMail&& one) { mail.push_back(std::move(one)); });
      for (WorkerMail& one : mail) {
        if (auto* reply = std::get_if<Reply>(&one)) {
          replies.push_back(std::move(*reply));
          continue;
        }
        auto& ask = std::get<Ask>(one);
        asked.push_back(ask);
        ASSERT_EQ(ask.reply_to.worker, kOtherNode);
        if (std::holds_alternative<ListSessions>(ask.question)) {
          cluster.answer(ask.reply_to.call, Answer{SessionList{sessions}});
        } else {
          cluster.answer(ask.reply_to.call, Count{count});
        }
      }
    }
  }
  OthersAnswer answered() {
    PW_CHECK(replies.size() == 1);
    OthersAnswer answer = std::get<OthersAnswer>(std::move(replies[0].answer));
    replies.clear();
    return answer;
  }
  std::vector<std::string> sees() const {
    std::vector<std::string> names;
    for (const Member& member : cluster.others()) {
      names.push_back(member.name);
    }
    return names;
  }

  bool deaf = false;  // stopped: it neither hears nor works
  Announcement state{.version = "0.1.0"};
  std::vector<SessionInfo> sessions;
  std::uint64_t count = 1;
  std::vector<Ask> asked;
  std::vector<Reply> replies;
  net::EventLoop loop;
  WireBus link;
  std::array<WorkerMailbox, kWorkers> boxes{WorkerMailbox{loop, 1'000}, WorkerMailbox{loop, 1'000}};
  Router router;
  DedupTable dedup{60'000, 1000};
  Cluster cluster;
  Dispatcher dispatcher;
};

using Names = std::vector<std::string>;

// After so long a node knows who else there is.
constexpr MonotonicMs kSettles = Hearing::kSettles + 200;

class ClusterTest : public testing::Test {
 protected:
  Node& add(std::string name) { return *nodes_.emplace_back(std::make_unique<Node>(wire_, clock_, std::move(name))); }
  // Hands everything over until nobody has anything to say.
  void talk() {
    do {
      while (!wire_.empty()) {
        const Envelope envelope = std::move(wire_.front());
        wire_.pop_front();
        heard_.push_back(envelope);
        for (const auto& node : nodes_) {
          if (!node->deaf) {
            EXPECT_EQ(node->dispatcher.on_envelope(Envelope(envelope)), bus::Delivered::kAccepted);
          }
        }
      }
      for (const auto& node : nodes_) {
        if (!node->deaf) {
          node->work();
        }
      }
    } while (!wire_.empty());
  }
  void pass(MonotonicMs ms) {
    for (const MonotonicMs end = clock_ + ms; clock_ < end;) {
      clock_ += 100;
      for (const auto& node : nodes_) {
        if (!node->deaf) {
          node->cluster.tick();
        }
      }
      talk();
    }
  }

  Wire wire_;
  MonotonicMs clock_ = 100'000;
  std::vector<Envelope> heard_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

TEST_F(ClusterTest, NodesKnowEachOtherSoonAfterTheyStartAndTellWhatTheyHold) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  n2.state.connections = 7;
  pass(200);
  EXPECT_EQ(n1.sees(), Names{"n2"});
  Node& n3 = add("n3");
  pass(200);
  EXPECT_EQ(n3.sees(), (Names{"n1", "n2"})) << "a new one need not wait until the others speak by themselves";
  EXPECT_EQ(n1.sees(), (Names{"n2", "n3"}));
  EXPECT_EQ(n1.cluster.others()[0].state.connections, 7U);
  n2.state.connections = 8;
  n2.state.draining = true;
  pass(2'100);
  EXPECT_EQ(n1.cluster.others()[0].state.connections, 8U);
  EXPECT_TRUE(n1.cluster.others()[0].state.draining);
  EXPECT_EQ(n1.cluster.living(), 3U);
}

TEST_F(ClusterTest, AnnouncesItselfEveryTwoSeconds) {
  add("n1");
  pass(100);
  heard_.clear();
  pass(20'000);
  EXPECT_EQ(heard_.size(), 10U);
}

TEST_F(ClusterTest, ANodeThatIsSilentForTenSecondsHasGone) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  pass(200);
  n2.deaf = true;
  pass(9'900);
  EXPECT_EQ(n1.sees(), Names{"n2"});
  pass(2'200);
  EXPECT_EQ(n1.sees(), Names{});
  EXPECT_EQ(n1.cluster.living(), 1U);
  n2.deaf = false;
  pass(200);
  EXPECT_EQ(n1.sees(), Names{"n2"});
  EXPECT_EQ(n2.sees(), Names{"n1"}) << "it does not take its own silence for the others'";
}

TEST_F(ClusterTest, ANodeThatSaysGoodbyeHasGoneAtOnce) {
  Node& n1 = add("n1");
  Node& n2 = add("n2");
  pass(200);
  n2.cluster.leave();
  n2.cluster.leave();
  talk();
  EXPECT_EQ(n1.sees(), Names{});
  pass(5'000);
  EXPECT_EQ(n1.sees(), Names{}) << "and says nothing more";
}

TEST_F(ClusterTest, WarnsOfTwoNodesWithOneNameAtMostOnceAMinute) {
  add("same");
  add("same");
  testing::internal::CaptureStderr();
  pass(59'000);
  const std::string log = testing::internal::GetCapturedStderr();
  std::size_t lines = 0;
  for (std::size_t at = log.find("node.name"); at != std::string::npos; at = log.find("node.name", at + 1)) {
    ++lines;
  }
  EXPECT_EQ(lines, 2U) << "each of them says it once: " << log;
}

// --- questions ---------------------------------------------------------------------------------------------------

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

// Workers ask and answer, the first one ticks, and the bus's thread hands over, all at once.
TEST(ClusterThreads, ManyThreadsUseOneCluster) {
  Wire wire;
  MonotonicMs clock = 0;
  Node n1(wire, clock, "n1");
  n1.link.up = true;
  n1.link.outcome = PublishOutcome::kOverloaded;  // nothing goes out: the wire is no part of this
  const auto hear = [&n1](decltype(ControlMessage::body) body) {
    Envelope envelope = test::envelope_to(bus::EnvelopeKind::kControl, "");
    envelope.origin = "n2";
    envelope.payload = encode_control({99, std::move(body)});
    n1.cluster.on_control(envelope);
  };
  constexpr int kRounds = 300;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (int i = 0; i < kRounds; ++i) {
      hear(Announcement{.version = "1"});
      hear(NodeQuestion{static_cast<std::uint64_t>(i), KickUser{"alice", std::nullopt}});
      if (i % 7 == 0) {
        hear(Goodbye{});
      }
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; i < kRounds; ++i) {
      n1.cluster.tick();
      (void)n1.cluster.others();
      (void)n1.cluster.living();
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; i < kRounds; ++i) {
      n1.cluster.ask(CountSubscribers{"t"}, {});
      n1.cluster.answer(static_cast<std::uint64_t>(i), Count{1});
    }
  });
  for (std::thread& thread : threads) {
    thread.join();
  }
  n1.work();
  EXPECT_EQ(n1.replies.size(), static_cast<std::size_t>(kRounds)) << "each question is answered once";
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
