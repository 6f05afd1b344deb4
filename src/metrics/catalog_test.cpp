#include "metrics/catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "metrics/worker_stats.h"

namespace pushwire::metrics {
namespace {

// As many names as the enum has values, none of them empty, none twice, all of them plain label values.
template <class E, std::size_t N>
void expect_names_of(const std::array<std::string_view, N>& names, E last) {
  EXPECT_EQ(names.size(), index_of(last) + 1);
  std::set<std::string_view> seen;
  for (const std::string_view name : names) {
    EXPECT_FALSE(name.empty());
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_TRUE(std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; }))
        << name;
  }
}

TEST(Catalog, NamesEachValueOfEachClosedList) {
  expect_names_of(kPushTargetNames, PushTarget::kUnknown);
  expect_names_of(kPushResultNames, PushResult::kUnavailable);
  expect_names_of(kDropReasonNames, DropReason::kOverloaded);
  expect_names_of(kHandshakeResultNames, HandshakeResult::kTls);
  expect_names_of(kPublishResultNames, PublishResult::kTooLarge);
}

TEST(Catalog, PutsTheNamesInTheOrderOfTheirEnums) {
  EXPECT_EQ(kPushTargetNames[index_of(PushTarget::kSession)], "session");
  EXPECT_EQ(kPushResultNames[index_of(PushResult::kOverloaded)], "overloaded");
  EXPECT_EQ(kDropReasonNames[index_of(DropReason::kClosing)], "closing");
  EXPECT_EQ(kPublishResultNames[index_of(PublishResult::kOverloaded)], "overloaded");
  EXPECT_EQ(kHandshakeResultNames[index_of(HandshakeResult::kUpgradeRequired)], "upgrade_required");
  EXPECT_EQ(kHandshakeResultNames[index_of(HandshakeResult::kOriginForbidden)], "origin_forbidden");
  EXPECT_EQ(kHandshakeResultNames[index_of(HandshakeResult::kTopicForbidden)], "topic_forbidden");
  EXPECT_EQ(kHandshakeResultNames[index_of(HandshakeResult::kTooManyConnections)], "too_many_connections");
}

// The names that interface.md promises to dashboards.
TEST(Catalog, KeepsItsPromisedNames) {
  EXPECT_EQ(family::kConnections.name, "pushwire_connections");
  EXPECT_EQ(family::kHandshakes.name, "pushwire_handshakes_total");
  EXPECT_EQ(family::kDisconnects.name, "pushwire_disconnects_total");
  EXPECT_EQ(family::kDeliveries.name, "pushwire_deliveries_total");
  EXPECT_EQ(family::kDrops.name, "pushwire_drops_total");
  EXPECT_EQ(family::kPushSeconds.name, "pushwire_push_seconds");
  EXPECT_EQ(family::kBusUp.name, "pushwire_bus_up");
}

TEST(WorkerStats, CountsInTheColumnsOfItsLabels) {
  WorkerStats stats;
  stats.drop(DropReason::kSlowClient, 3);
  stats.handshake(HandshakeResult::kTokenExpired);
  stats.push(PushTarget::kTopic, PushResult::kDuplicate);
  EXPECT_EQ(stats.drops[index_of(DropReason::kSlowClient)].value(), 3U);
  EXPECT_EQ(stats.handshakes[index_of(HandshakeResult::kTokenExpired)].value(), 1U);
  EXPECT_EQ(stats.pushes[index_of(PushTarget::kTopic)][index_of(PushResult::kDuplicate)].value(), 1U);
  EXPECT_EQ(stats.pushes[index_of(PushTarget::kTopic)][index_of(PushResult::kAccepted)].value(), 0U);
}

TEST(WorkerStats, ListsStatusesAscending) {
  EXPECT_TRUE(std::is_sorted(kStatuses.begin(), kStatuses.end()));
  EXPECT_EQ(std::adjacent_find(kStatuses.begin(), kStatuses.end()), kStatuses.end());
}

}  // namespace
}  // namespace pushwire::metrics
