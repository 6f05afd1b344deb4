#include "hub/topic_table.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "session/session_test_support.h"

namespace pushwire::hub {
namespace {

using session::ChannelSession;
using Names = std::vector<std::string>;

class TopicTableTest : public testing::Test, protected TopicWatcher {
 protected:
  ChannelSession& add() { return *clients_.emplace_back(bench_, "user" + std::to_string(clients_.size())).session; }
  std::vector<ChannelSession*> walk(std::string_view topic) {
    std::vector<ChannelSession*> met;
    if (auto walk = table_.begin_walk(topic)) {
      while (ChannelSession* session = table_.next(*walk)) {
        met.push_back(session);
      }
      table_.end_walk(*walk);
    }
    return met;
  }
  void on_topic_appeared(std::string_view topic) override { EXPECT_TRUE(present_.emplace(topic).second); }
  void on_topic_vanished(std::string_view topic) override { EXPECT_EQ(present_.erase(std::string(topic)), 1U); }

  session::test::Bench bench_;
  std::deque<session::test::Connected> clients_;
  std::set<std::string> present_;  // as the watcher was told
  TopicTable table_{*this};
};

TEST_F(TopicTableTest, KnowsWhoSubscribedToWhat) {
  ChannelSession& alice = add();
  ChannelSession& bob = add();
  EXPECT_EQ(table_.subscribe(alice, "a"), TopicTable::Subscribed::kNew);
  EXPECT_EQ(table_.subscribe(alice, "b"), TopicTable::Subscribed::kNew);
  EXPECT_EQ(table_.subscribe(bob, "a"), TopicTable::Subscribed::kNew);
  EXPECT_EQ(table_.subscribe(alice, "a"), TopicTable::Subscribed::kAlready);
  EXPECT_EQ(table_.topics_of(alice), (Names{"a", "b"}));
  EXPECT_EQ(table_.subscribers("a"), 2U);
  EXPECT_EQ(table_.subscribers("none"), 0U);
  EXPECT_EQ(walk("a"), (std::vector<ChannelSession*>{&alice, &bob}));
  EXPECT_EQ(present_, (std::set<std::string>{"a", "b"}));
}

TEST_F(TopicTableTest, ForgetsATopicWithItsLastSubscriber) {
  ChannelSession& alice = add();
  table_.subscribe(alice, "a");
  EXPECT_TRUE(table_.unsubscribe(alice, "a"));
  EXPECT_FALSE(table_.unsubscribe(alice, "a"));
  EXPECT_FALSE(table_.unsubscribe(alice, "never"));
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_TRUE(present_.empty());
  EXPECT_EQ(alice.subscriptions(), nullptr) << "no memory for a session without topics";
}

TEST_F(TopicTableTest, RemovesASessionFromAllItsTopics) {
  ChannelSession& alice = add();
  ChannelSession& bob = add();
  for (const std::string topic : {"a", "b", "c"}) {
    table_.subscribe(alice, topic);
  }
  table_.subscribe(bob, "b");
  EXPECT_EQ(table_.remove_all(alice), 3U);
  EXPECT_EQ(table_.remove_all(alice), 0U);
  EXPECT_EQ(walk("b"), std::vector<ChannelSession*>{&bob});
  EXPECT_EQ(table_.size(), 1U);
}

// The last subscriber takes the place of who left, and must know its new place.
TEST_F(TopicTableTest, KeepsPlacesRightWhenAnyoneLeaves) {
  for (const std::size_t leaver : {0U, 1U, 2U, 3U}) {
    std::vector<ChannelSession*> all;
    for (int i = 0; i < 4; ++i) {
      all.push_back(&add());
      table_.subscribe(*all.back(), "a");
    }
    table_.unsubscribe(*all[leaver], "a");
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(leaver));
    for (ChannelSession* session : all) {
      EXPECT_TRUE(table_.unsubscribe(*session, "a"));
    }
    EXPECT_EQ(table_.size(), 0U);
  }
}

TEST_F(TopicTableTest, AWalkOutlivesThatEverybodyLeaves) {
  ChannelSession& alice = add();
  ChannelSession& bob = add();
  table_.subscribe(alice, "a");
  table_.subscribe(bob, "a");
  auto walk = table_.begin_walk("a");
  ASSERT_TRUE(walk);
  EXPECT_EQ(table_.next(*walk), &alice);
  table_.remove_all(alice);
  table_.remove_all(bob);
  EXPECT_EQ(table_.subscribers("a"), 0U);
  EXPECT_TRUE(present_.empty());
  EXPECT_FALSE(table_.begin_walk("a"));
  EXPECT_EQ(table_.next(*walk), nullptr);
  table_.end_walk(*walk);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(TopicTableTest, AWalkEndsWithWhoWasThereWhenItBegan) {
  ChannelSession& alice = add();
  ChannelSession& bob = add();
  ChannelSession& carol = add();
  table_.subscribe(alice, "a");
  table_.subscribe(bob, "a");
  auto first = table_.begin_walk("a");
  table_.subscribe(carol, "a");
  auto second = table_.begin_walk("a");
  table_.unsubscribe(alice, "a");
  table_.subscribe(alice, "a");  // anew: behind the first walk's end
  EXPECT_EQ(table_.next(*first), &bob);
  EXPECT_EQ(table_.next(*first), nullptr);
  table_.end_walk(*first);
  EXPECT_EQ(table_.next(*second), &bob);
  EXPECT_EQ(table_.next(*second), &carol);
  EXPECT_EQ(table_.next(*second), nullptr);
  table_.end_walk(*second);
  EXPECT_EQ(walk("a"), (std::vector<ChannelSession*>{&bob, &carol, &alice})) << "in order, the holes closed";
  EXPECT_TRUE(table_.unsubscribe(carol, "a"));
  EXPECT_EQ(walk("a").size(), 2U);
}

TEST_F(TopicTableTest, ATopicThatComesBackDuringAWalkIsTheSame) {
  ChannelSession& alice = add();
  table_.subscribe(alice, "a");
  auto walk_before = table_.begin_walk("a");
  table_.unsubscribe(alice, "a");
  EXPECT_EQ(table_.subscribe(alice, "a"), TopicTable::Subscribed::kNew);
  EXPECT_EQ(present_, std::set<std::string>{"a"});
  table_.end_walk(*walk_before);
  EXPECT_EQ(walk("a"), std::vector<ChannelSession*>{&alice});
}

// Against the plainest possible model, with walks under way all the time.
class TopicTableModel : public TopicTableTest {
 protected:
  struct Walk {
    TopicTable::Walk walk;
    std::string topic;
    std::set<ChannelSession*> due;  // was there when it began, has not left since and was not met yet
  };

  void subscribe(ChannelSession& session, const std::string& topic) {
    const bool fresh = table_.subscribe(session, topic) == TopicTable::Subscribed::kNew;
    EXPECT_EQ(fresh, model_[topic].insert(&session).second);
  }
  void unsubscribe(ChannelSession& session, const std::string& topic) {
    EXPECT_EQ(table_.unsubscribe(session, topic), forget(session, topic) == 1);
  }
  void remove_all(ChannelSession& session) {
    std::size_t expected = 0;
    for (const std::string& topic : topics_) {
      expected += forget(session, topic);
    }
    EXPECT_EQ(table_.remove_all(session), expected);
  }
  void begin_walk(const std::string& topic) {
    const auto begun = table_.begin_walk(topic);
    EXPECT_EQ(begun.has_value(), !model_[topic].empty());
    if (begun) {
      walks_.push_back({*begun, topic, model_[topic]});
    }
  }
  void step(std::size_t which) {
    Walk& walk = walks_[which];
    if (ChannelSession* next = table_.next(walk.walk); next != nullptr) {
      EXPECT_EQ(walk.due.erase(next), 1U) << "met twice, or not there when the walk began, or gone";
      return;
    }
    EXPECT_TRUE(walk.due.empty()) << "skipped somebody";
    table_.end_walk(walk.walk);
    walks_.erase(walks_.begin() + static_cast<std::ptrdiff_t>(which));
  }
  void compare() {
    for (const std::string& topic : topics_) {
      ASSERT_EQ(table_.subscribers(topic), model_[topic].size());
      ASSERT_EQ(present_.contains(topic), !model_[topic].empty());
    }
  }

  const Names topics_ = {"a", "b", "c", "d"};
  std::map<std::string, std::set<ChannelSession*>> model_;
  std::vector<Walk> walks_;

 private:
  std::size_t forget(ChannelSession& session, const std::string& topic) {
    for (Walk& walk : walks_) {
      if (walk.topic == topic) {
        walk.due.erase(&session);
      }
    }
    return model_[topic].erase(&session);
  }
};

TEST_F(TopicTableModel, AgreesWhateverComesInWhateverOrder) {
  std::mt19937 random(11);
  const auto pick = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
  for (int i = 0; i < 60; ++i) {
    add();
  }
  for (int i = 0; i < 20'000; ++i) {
    ChannelSession& session = *clients_[pick(clients_.size())].session;
    const std::string& topic = topics_[pick(topics_.size())];
    const std::size_t action = pick(10);
    if (action < 4) {
      subscribe(session, topic);
    } else if (action < 6) {
      unsubscribe(session, topic);
    } else if (action == 6) {
      remove_all(session);
    } else if (action == 7 && walks_.size() < 5) {
      begin_walk(topic);
    } else if (!walks_.empty()) {
      step(pick(walks_.size()));
    }
    compare();
  }
  while (!walks_.empty()) {
    step(0);
  }
  for (const std::string& topic : topics_) {
    const auto met = walk(topic);
    EXPECT_EQ(std::set<ChannelSession*>(met.begin(), met.end()), model_[topic]);
  }
}

}  // namespace
}  // namespace pushwire::hub
