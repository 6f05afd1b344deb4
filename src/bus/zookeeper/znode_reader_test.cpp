#include "bus/zookeeper/znode_reader.h"

#include <gtest/gtest.h>

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
  reader.on_event({ZooKeeperReply::kData, ZOK, 0, "late", {}});
  reader.on_event({ZooKeeperReply::kWatch, ZOO_CREATED_EVENT, 0, "/a/m-0000000000", {}});
  reader.check();
  reader.pause();
  reader.resume();
  EXPECT_FALSE(reader.started());
}

}  // namespace
}  // namespace pushwire::bus
