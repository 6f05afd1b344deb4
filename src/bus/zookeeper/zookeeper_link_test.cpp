#include "bus/zookeeper/zookeeper_link.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pushwire::bus {
namespace {

// With a real server: tests/contract. Here is what needs none.
class ZooKeeperLinkTest : public testing::Test, public LinkEvents, public net::TurnHandler {
 protected:
  void on_up() override { ADD_FAILURE() << "nobody is there"; }
  void on_down(std::string_view reason) override { downs_.emplace_back(reason); }
  void on_record(std::string_view, std::string_view) override {}
  void on_sent(std::uint64_t, SendResult) override {}
  void on_gap(std::string_view) override {}
  void drain_mail() override {}
  void on_timers(MonotonicMs now) override { loop_.timers().expire(now); }
  void flush() override {}
  void destroy_closed() override {}
  bool has_work() const override { return false; }

  std::string refusal(const Settings& settings) {
    const Result<> opened = make_zookeeper_link(loop_, *this, settings)->open();
    return opened ? "" : opened.error().message;
  }

  net::EventLoop loop_;
  std::vector<std::string> downs_;
};

TEST_F(ZooKeeperLinkTest, RefusesSettingsThatCannotWork) {
  Settings settings;
  settings.zookeeper.servers.clear();
  EXPECT_EQ(refusal(settings).find("bus.zookeeper.servers: "), 0U);
  settings = {};
  for (const char* root : {"", "pushwire", "/pushwire/", "/a//b"}) {
    settings.zookeeper.root = root;
    EXPECT_EQ(refusal(settings).find("bus.zookeeper.root: "), 0U) << root;
  }
  settings = {};
  settings.name_space = "a/b";
  EXPECT_EQ(refusal(settings).find("bus.namespace: "), 0U);
}

TEST_F(ZooKeeperLinkTest, SaysThatNobodyAnswersAndNamesTheSetting) {
  Settings settings;
  settings.zookeeper.servers = {"127.0.0.1:1"};
  const std::unique_ptr<Link> link = make_zookeeper_link(loop_, *this, settings);
  ASSERT_TRUE(link->open());
  for (const MonotonicMs end = monotonic_ms() + 20'000; downs_.empty() && monotonic_ms() < end;) {
    loop_.turn(*this, 50);
  }
  ASSERT_FALSE(downs_.empty());
  EXPECT_EQ(downs_.front().find("bus.zookeeper.servers: "), 0U) << downs_.front();
  const MonotonicMs before = monotonic_ms();
  link->close();
  EXPECT_LT(monotonic_ms() - before, 5'000);
}

}  // namespace
}  // namespace pushwire::bus
