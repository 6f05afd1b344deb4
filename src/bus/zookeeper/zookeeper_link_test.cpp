#include "bus/zookeeper/zookeeper_link.h"

#include <gtest/gtest.h>
#include <netdb.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bus/zookeeper/fake_zookeeper.h"
#include "net/stream_test_support.h"

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
  for (const char* server : {"127.0.0.1", "127.0.0.1:x", "::1:2181"}) {
    settings.zookeeper.servers = {"127.0.0.1:2181", server};
    EXPECT_EQ(refusal(settings).find("bus.zookeeper.servers: "), 0U) << server;
  }
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

// Over a server in memory.
class ZooKeeperLinkOverFakeTest : public testing::Test, public LinkEvents, public net::test::TestLoop {
 protected:
  static constexpr const char* kFolder = "/pushwire/pushwire/messages";

  ~ZooKeeperLinkOverFakeTest() override { link_->close(); }

  void on_up() override { up_ = true; }
  void on_down(std::string_view reason) override {
    up_ = false;
    downs_.emplace_back(reason);
  }
  void on_record(std::string_view bytes, std::string_view) override { records_.emplace_back(bytes); }
  void on_sent(std::uint64_t number, SendResult result) override { sent_.emplace_back(number, result); }
  void on_gap(std::string_view reason) override { gaps_.emplace_back(reason); }

  std::unique_ptr<Link> make_link(const net::SocketCalls& calls) {
    const auto open = [this](const std::string& servers, int wake_fd) { return server_.open(servers, wake_fd); };
    return make_zookeeper_link_over(open, calls, loop, *this, settings_);
  }
  bool await_up() {
    return until([this] { return up_; });
  }
  bool await_record(const std::string& data) {
    return until([&] { return std::ranges::find(records_, data) != records_.end(); });
  }
  // By another node.
  std::string put(const std::string& data) { return server_.put(std::string(kFolder) + "/m-", data); }
  // The folder as another node makes it, with as many records.
  void make_anew(int records) {
    for (const char* path : {"/pushwire", "/pushwire/pushwire", kFolder}) {
      if (!server_.has(path)) {
        server_.put(path, "");
      }
    }
    for (int i = 0; i < records; ++i) {
      put("early");
    }
  }

  test::FakeZooKeeper server_;
  Settings settings_;
  bool up_ = false;
  std::vector<std::string> records_;
  std::vector<std::pair<std::uint64_t, SendResult>> sent_;
  std::vector<std::string> gaps_;
  std::vector<std::string> downs_;
  std::unique_ptr<Link> link_ = make_link(net::SocketCalls::kernel());
};

TEST_F(ZooKeeperLinkOverFakeTest, CarriesRecords) {
  ASSERT_TRUE(link_->open());
  ASSERT_TRUE(await_up());
  EXPECT_EQ(server_.asked_for, "127.0.0.1:2181");
  link_->send({1, 7, "own"});
  put("other");
  EXPECT_TRUE(await_record("other"));
  EXPECT_EQ(records_, (std::vector<std::string>{"own", "other"}));
  EXPECT_EQ(sent_, (std::vector<std::pair<std::uint64_t, SendResult>>{{1, SendResult::kStored}}));
  EXPECT_EQ(gaps_.size(), 0U);
}

TEST_F(ZooKeeperLinkOverFakeTest, AFolderThatWasRemovedAndMadeAnewByAnotherNodeIsAGap) {
  ASSERT_TRUE(link_->open());
  ASSERT_TRUE(await_up());
  put("first");
  ASSERT_TRUE(await_record("first"));
  server_.erase_tree("/pushwire");
  make_anew(1);
  EXPECT_TRUE(until([this] { return !downs_.empty() && up_; }));
  EXPECT_EQ(gaps_.size(), 1U);
  put("later");
  EXPECT_TRUE(await_record("later"));
  EXPECT_EQ(gaps_.size(), 1U);
}

// Numbers that were its own, or old, in the folder that is gone.
TEST_F(ZooKeeperLinkOverFakeTest, RemovesNothingOfOthersInAFolderThatBeganAgain) {
  settings_.max_replay_age = std::chrono::seconds(1);
  link_ = make_link(net::SocketCalls::kernel());
  ASSERT_TRUE(link_->open());
  ASSERT_TRUE(await_up());
  for (std::uint64_t number = 1; number <= 5; ++number) {
    link_->send({number, 7, "own"});
  }
  ASSERT_TRUE(until([this] { return sent_.size() == 5; }));
  server_.forget_watches();
  server_.disconnect();
  server_.erase_tree("/pushwire");
  make_anew(20);
  server_.connect();
  ASSERT_TRUE(until([this] { return !downs_.empty() && up_; }));
  const std::string last = std::string(kFolder) + "/" + znode_name(21);
  link_->send({6, 7, "own"});
  ASSERT_TRUE(until([&] { return server_.has(last); }));
  // What had been to be removed before it would be gone as well.
  EXPECT_TRUE(until([&] { return !server_.has(last); }));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(server_.has(std::string(kFolder) + "/" + znode_name(i))) << i;
  }
}

TEST_F(ZooKeeperLinkOverFakeTest, AFolderThatWasRemovedIsMadeAnew) {
  ASSERT_TRUE(link_->open());
  ASSERT_TRUE(await_up());
  server_.erase_tree("/pushwire");
  EXPECT_TRUE(until([this] { return server_.has(kFolder) && up_; }));
  EXPECT_EQ(gaps_.size(), 1U);
  ASSERT_FALSE(downs_.empty());
  EXPECT_NE(downs_.back().find("was removed"), std::string::npos) << downs_.back();
}

TEST_F(ZooKeeperLinkOverFakeTest, AnOwnNumberFromTheBeginningIsAGapAndSentAgain) {
  ASSERT_TRUE(link_->open());
  ASSERT_TRUE(await_up());
  for (int i = 0; i < 5; ++i) {
    put("early");
  }
  ASSERT_TRUE(until([this] { return records_.size() == 5; }));
  server_.forget_watches();
  server_.erase_tree("/pushwire");
  make_anew(2);
  link_->send({1, 7, "own"});
  EXPECT_TRUE(until([this] { return !downs_.empty() && up_; }));
  EXPECT_EQ(sent_.size(), 0U);
  EXPECT_EQ(gaps_.size(), 1U);
  put("later");
  EXPECT_TRUE(await_record("later"));
}

// Also when others have published so much meanwhile that the numbers say nothing.
TEST_F(ZooKeeperLinkOverFakeTest, ServersThatLostTheirDataAreAGap) {
  ASSERT_TRUE(link_->open());
  ASSERT_TRUE(await_up());
  put("first");
  ASSERT_TRUE(await_record("first"));
  server_.disconnect();
  server_.lose_data();
  make_anew(20);
  server_.connect();
  EXPECT_TRUE(until([this] { return !downs_.empty() && up_; }));
  EXPECT_EQ(gaps_.size(), 1U);
  put("later");
  EXPECT_TRUE(await_record("later"));
  EXPECT_EQ(records_, (std::vector<std::string>{"first", "later"}));
}

TEST_F(ZooKeeperLinkOverFakeTest, ReadsOnWhereItWasWhenTheFolderIsTheSame) {
  ASSERT_TRUE(link_->open());
  ASSERT_TRUE(await_up());
  server_.disconnect();
  ASSERT_TRUE(until([this] { return !up_; }));
  put("meanwhile");
  server_.connect();
  EXPECT_TRUE(await_record("meanwhile"));
  EXPECT_EQ(gaps_.size(), 0U);
  server_.expire();
  ASSERT_TRUE(until([this] { return server_.opened == 2 && up_; }));
  put("after");
  EXPECT_TRUE(await_record("after"));
  EXPECT_EQ(gaps_.size(), 0U);
}

TEST_F(ZooKeeperLinkOverFakeTest, TriesAgainWhenTheServerRefusesTheFolderOrTheFirstRecord) {
  server_.fail(ZooKeeperReply::kMade, kFolder, ZNOAUTH, 1);
  server_.fail(ZooKeeperReply::kExists, kFolder, ZNOAUTH, 1);
  server_.fail(ZooKeeperReply::kMade, std::string(kFolder) + "/m-", ZNOAUTH, 1);
  ASSERT_TRUE(link_->open());
  EXPECT_TRUE(await_up());
  ASSERT_EQ(downs_.size(), 3U);
  for (const std::string& reason : downs_) {
    EXPECT_EQ(reason.find("bus.zookeeper.root: "), 0U) << reason;
  }
}

// Does not answer until it is told to.
struct SlowCalls final : net::SocketCalls {
  mutable std::atomic<int> asked{0};
  mutable std::atomic<int> answered{0};
  std::atomic<bool> answer{false};
  int lookup(const char* host, const char* port, const addrinfo& hints, addrinfo** found) const override {
    ++asked;
    while (!answer) {
      std::this_thread::yield();
    }
    const int code = SocketCalls::lookup(host, port, hints, found);
    ++answered;
    return code;
  }
};

TEST_F(ZooKeeperLinkOverFakeTest, WaitsForNoNameServer) {
  SlowCalls calls;
  settings_.zookeeper.servers = {"localhost:2181"};
  link_ = make_link(calls);
  ASSERT_TRUE(link_->open());
  EXPECT_TRUE(until([this] { return !downs_.empty(); }));
  EXPECT_EQ(downs_.front().find("bus.zookeeper.servers: "), 0U) << downs_.front();
  EXPECT_EQ(calls.answered, 0);
  EXPECT_EQ(calls.asked, 1) << "one question at a time";
  calls.answer = true;
  EXPECT_TRUE(await_up());
  EXPECT_NE(server_.asked_for.find("127.0.0.1:2181"), std::string::npos) << server_.asked_for;
  EXPECT_EQ(server_.asked_for.find('['), std::string::npos) << server_.asked_for;

  calls.answer = false;
  server_.expire();
  ASSERT_TRUE(until([&] { return calls.asked == 2; }));
  link_->close();
  EXPECT_EQ(calls.answered, 1) << "closed without an answer";
  calls.answer = true;
  while (calls.answered < 2) {
    std::this_thread::yield();
  }
}

}  // namespace
}  // namespace pushwire::bus
