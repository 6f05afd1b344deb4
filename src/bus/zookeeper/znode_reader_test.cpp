#include "bus/zookeeper/znode_reader.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bus/zookeeper/fake_zookeeper.h"

namespace pushwire::bus {
namespace {

TEST(ZNodeReader, IgnoresEventsBeforeItHasASession) {
  class Nothing final : public LinkEvents {
   public:
    void on_up() override { ADD_FAILURE(); }
    void on_down(std::string_view) override { ADD_FAILURE(); }
    void on_record(std::string_view, std::string_view) override { ADD_FAILURE(); }
    void on_sent(std::uint64_t, SendResult) override { ADD_FAILURE(); }
    void on_gap(std::string_view) override { ADD_FAILURE(); }
  } nothing;
  ZNodeReader reader(nothing, "/a/");
  EXPECT_FALSE(reader.started());
  reader.on_event({.kind = ZooKeeperReply::kData, .text = "late"});
  reader.on_event({.kind = ZooKeeperReply::kWatch, .code = ZOO_CREATED_EVENT, .text = "/a/m-0000000000"});
  reader.check();
  reader.pause();
  reader.resume();
  EXPECT_FALSE(reader.started());
}

class ZNodeReaderTest : public testing::Test, public LinkEvents {
 protected:
  ZNodeReaderTest() {
    server_.put("/a", "");
    tree_ = *server_.open("", -1);
    (void)tree_->take();
  }

  void on_up() override {}
  void on_down(std::string_view) override {}
  void on_record(std::string_view bytes, std::string_view) override { records_.emplace_back(bytes); }
  void on_sent(std::uint64_t, SendResult) override {}
  void on_gap(std::string_view reason) override { gaps_.emplace_back(reason); }

  // The next number, as a node's mark.
  std::int32_t mark() { return *znode_number(server_.put("/a/m-", "")); }
  void take_all() {
    for (auto events = tree_->take(); !events.empty(); events = tree_->take()) {
      for (ZooKeeperEvent& event : events) {
        reader_.on_event(std::move(event));
      }
    }
  }

  using Texts = std::vector<std::string>;
  test::FakeZooKeeper server_;
  std::unique_ptr<ZNodeTree> tree_;
  ZNodeReader reader_{*this, "/a/"};
  Texts records_;
  Texts gaps_;
};

TEST_F(ZNodeReaderTest, ReadsWhatComesAfterTheMark) {
  server_.put("/a/m-", "before");
  reader_.start(*tree_, mark(), ZNodeReader::Count::kGoesOn);
  take_all();
  for (int i = 0; i < 100; ++i) {
    server_.put("/a/m-", std::to_string(i));
  }
  take_all();
  ASSERT_EQ(records_.size(), 100U);
  EXPECT_EQ(records_.front(), "0");
  EXPECT_EQ(records_.back(), "99");
  EXPECT_EQ(gaps_, Texts{});
}

TEST_F(ZNodeReaderTest, AFolderThatBeganAgainIsAGapHoweverFarItCame) {
  reader_.start(*tree_, mark(), ZNodeReader::Count::kGoesOn);
  take_all();
  reader_.stop();
  server_.put("/a/m-", "of another folder");
  reader_.start(*tree_, mark(), ZNodeReader::Count::kBeganAgain);
  server_.put("/a/m-", "later");
  take_all();
  EXPECT_EQ(records_, Texts{"later"});
  EXPECT_EQ(gaps_.size(), 1U);
}

TEST_F(ZNodeReaderTest, AsksAgainWhenTheListOfWhatIsThereFails) {
  reader_.start(*tree_, mark(), ZNodeReader::Count::kGoesOn);
  take_all();
  reader_.stop();
  server_.erase_tree(server_.put("/a/m-", "removed unread"));
  server_.fail(ZooKeeperReply::kChildren, "/a", ZOPERATIONTIMEOUT, 1);
  reader_.start(*tree_, mark(), ZNodeReader::Count::kGoesOn);
  take_all();
  EXPECT_EQ(gaps_, Texts{});
  reader_.check();
  take_all();
  EXPECT_EQ(gaps_.size(), 1U);
  server_.put("/a/m-", "later");
  take_all();
  EXPECT_EQ(records_, Texts{"later"});
}

}  // namespace
}  // namespace pushwire::bus
