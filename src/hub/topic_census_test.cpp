#include "hub/topic_census.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace pushwire::hub {
namespace {

TEST(TopicCensus, CountsATopicOnceHoweverManyWorkersHaveIt) {
  TopicCensus census;
  census.add("news");
  census.add("news");
  census.add("sport");
  EXPECT_EQ(census.topics(), 2U);
  census.remove("news");
  EXPECT_EQ(census.topics(), 2U);
  census.remove("news");
  EXPECT_EQ(census.topics(), 1U);
}

TEST(TopicCensus, KnowsWhichTopicsMayHaveSubscribers) {
  TopicCensus census;
  EXPECT_FALSE(census.may_have(hash_name("news")));
  census.add("news");
  census.add("news");
  census.remove("news");
  EXPECT_TRUE(census.may_have(hash_name("news")));
  census.remove("news");
  EXPECT_FALSE(census.may_have(hash_name("news")));
  census.remove("news");
  EXPECT_FALSE(census.may_have(hash_name("news"))) << "who was not counted takes nothing away";
}

TEST(TopicCensus, IsUsedByAllWorkersAtOnce) {
  TopicCensus census;
  census.add("stays");
  std::vector<std::thread> workers;
  for (int w = 0; w < 4; ++w) {
    workers.emplace_back([&census] {
      for (int i = 0; i < 1000; ++i) {
        census.add(std::to_string(i % 7));
        (void)census.topics();
        census.remove(std::to_string(i % 7));
      }
    });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  EXPECT_EQ(census.topics(), 1U);
}

}  // namespace
}  // namespace pushwire::hub
