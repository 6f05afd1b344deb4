// What only a tree of znodes has: that somebody removes what the cluster reads.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <zookeeper/zookeeper.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "adapters.h"
#include "bus/zookeeper/zookeeper_session.h"
#include "cluster.h"
#include "net/fd.h"

namespace pushwire::bus {
namespace {

// Another client of the server, as an operator has one in a shell.
class Operator {
 public:
  explicit Operator(const Settings& settings)
      : tree_(*ZooKeeperSession::open(settings.zookeeper.servers.at(0), wakeup_.get())) {
    EXPECT_TRUE(eventually([this] {
      const auto events = tree_->take();
      return !events.empty() && events.back().code == ZOO_CONNECTED_STATE;
    }));
  }

  // With all in it, also what comes meanwhile.
  bool remove_tree(const std::string& path) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      EXPECT_EQ(tree_->children(path, ++tag_), ZOK);
      for (const std::string& name : answer().names) {
        EXPECT_EQ(tree_->remove(path + "/" + name, 0), ZOK);
      }
      EXPECT_EQ(tree_->remove(path, ++tag_), ZOK);
      if (answer().code == ZOK) {
        return true;
      }
    }
    return false;
  }

 private:
  // To the last request.
  ZooKeeperEvent answer() {
    ZooKeeperEvent found;
    EXPECT_TRUE(eventually([&] {
      for (ZooKeeperEvent& event : tree_->take()) {
        if (event.tag == tag_) {
          found = std::move(event);
          return true;
        }
      }
      return false;
    }));
    return found;
  }

  const net::Fd wakeup_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  const std::unique_ptr<ZNodeTree> tree_;
  std::uint64_t tag_ = 0;
};

class ZooKeeperContract : public testing::TestWithParam<Adapter> {};

TEST_P(ZooKeeperContract, AFolderThatSomebodyRemovedIsAGapAndTheClusterGoesOn) {
  const Settings settings = fresh_settings(GetParam(), open_server(GetParam()));
  Cluster cluster(settings, 3);
  Flow flow(cluster[0], 200);
  ASSERT_TRUE(eventually([&] { return cluster[2].recorder().count() >= 200; }));
  Operator shell(settings);
  ASSERT_TRUE(shell.remove_tree(settings.zookeeper.root + "/" + settings.name_space + "/messages"));
  for (const auto& node : cluster.nodes()) {
    EXPECT_TRUE(eventually([&] { return node->counters().gaps >= 1; })) << node->name();
  }
  EXPECT_TRUE(cluster.await_up());
  const std::size_t back_at = flow.published();
  EXPECT_TRUE(eventually([&] { return flow.published() >= back_at + 400; }));
  flow.stop();
  const auto accepted = flow.accepted();
  std::set<std::string> later;
  for (std::size_t i = back_at + 200; i < back_at + 400; ++i) {
    later.insert(flow.id(i));
  }
  EXPECT_EQ(accepted.count(flow.id(back_at + 300)), 1U);
  for (const auto& node : cluster.nodes()) {
    EXPECT_TRUE(eventually([&] { return lacking(*node, later).empty(); })) << node->name();
  }
  expect_all_lost_counted(cluster, accepted, time_to_count(settings));
}

std::vector<Adapter> only_zookeeper() {
  std::vector<Adapter> all = adapters_with_servers();
  std::erase_if(all, [](const Adapter& one) { return one.kind != BusKind::kZooKeeper; });
  return all;
}

INSTANTIATE_TEST_SUITE_P(Adapters, ZooKeeperContract, testing::ValuesIn(only_zookeeper()),
                         [](const auto& adapter) { return adapter.param.name; });

}  // namespace
}  // namespace pushwire::bus
