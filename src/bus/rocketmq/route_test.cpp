#include "bus/rocketmq/route.h"

#include <gtest/gtest.h>

#include <string>

#include "bus/rocketmq/golden.h"

namespace pushwire::bus::rocketmq {
namespace {

Route route_of(std::string_view json) {
  const Result<Route> route = parse_route(json);
  EXPECT_TRUE(route) << route.error().message;
  return route.value_or(Route());
}

TEST(Route, ReadsThatOfARealNameServer) {
  const std::string frame = golden::bytes_of(golden::kRouteAnswer);
  const Route route = route_of(std::string_view(frame).substr(8 + 96));
  ASSERT_EQ(route.brokers.size(), 1U);
  EXPECT_EQ(route.brokers[0], (BrokerRoute{"broker-a", {"127.0.0.1", 20911}, 4, 4}));
}

TEST(Route, AnAddressIsSplitAtItsLastColon) {
  const Route route = route_of(R"({"brokerDatas":[{"brokerAddrs":{"0":"::1:21911"},"brokerName":"a"}],)"
                               R"("queueDatas":[{"brokerName":"a","perm":6,"readQueueNums":1,"writeQueueNums":1}]})");
  ASSERT_EQ(route.brokers.size(), 1U);
  EXPECT_EQ(route.brokers[0].master, (net::Endpoint{"::1", 21911}));
}

TEST(Route, ObeysTheRightsOfATopic) {
  const Route route = route_of(
      R"({"queueDatas":[{"brokerName":"w","perm":2,"readQueueNums":4,"writeQueueNums":5},)"
      R"({"brokerName":"r","perm":4,"readQueueNums":4,"writeQueueNums":5}],)"
      R"("brokerDatas":[{"brokerName":"r","brokerAddrs":{"0":"h:1"}},{"brokerName":"w","brokerAddrs":{"0":"h:2"}}]})");
  ASSERT_EQ(route.brokers.size(), 2U);
  EXPECT_EQ(route.brokers[0], (BrokerRoute{"r", {"h", 1}, 4, 0}));
  EXPECT_EQ(route.brokers[1], (BrokerRoute{"w", {"h", 2}, 0, 5}));
}

TEST(Route, LeavesOutABrokerWithoutAMaster) {
  EXPECT_TRUE(route_of(R"({"brokerDatas":[{"brokerName":"a","brokerAddrs":{"1":"h:1"}}],)"
                       R"("queueDatas":[{"brokerName":"a","perm":6,"readQueueNums":4,"writeQueueNums":4}]})")
                  .brokers.empty());
}

TEST(Route, NumbersOutOfAllBoundsAreCut) {
  const Route route =
      route_of(R"({"brokerDatas":[{"brokerName":"a","brokerAddrs":{"0":"h:1"}}],)"
               R"("queueDatas":[{"brokerName":"a","perm":6,"readQueueNums":2000000000,"writeQueueNums":-1}]})");
  ASSERT_EQ(route.brokers.size(), 1U);
  EXPECT_EQ(route.brokers[0].read_queues, kMaxQueues);
  EXPECT_EQ(route.brokers[0].write_queues, 0U);
}

TEST(Route, AddressesThatAreNoneGiveNoBroker) {
  for (const std::string_view address : {"", ":1", "h:", "h:0", "h:65536", "h:x", "h"}) {
    EXPECT_TRUE(route_of(R"({"brokerDatas":[{"brokerName":"a","brokerAddrs":{"0":")" + std::string(address) +
                         R"("}}],"queueDatas":[{"brokerName":"a","perm":6,"readQueueNums":4,"writeQueueNums":4}]})")
                    .brokers.empty())
        << address;
  }
}

TEST(Route, KeysWithoutQuotesAreAnError) {
  // What a name server writes for old clients (apache/rocketmq#1445).
  EXPECT_FALSE(parse_route(R"({"brokerDatas":[{"brokerAddrs":{0:"h:1"},"brokerName":"a"}]})"));
  EXPECT_FALSE(parse_route("[]"));
  EXPECT_FALSE(parse_route(""));
}

TEST(Route, StrangePartsAreSkipped) {
  EXPECT_TRUE(
      route_of(R"({"brokerDatas":[1,{"brokerName":7}],"queueDatas":{"a":1},"orderTopicConf":null})").brokers.empty());
  EXPECT_TRUE(route_of(R"({"queueDatas":["x",{"brokerName":"a","perm":"6"}],"brokerDatas":null})").brokers.empty());
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
