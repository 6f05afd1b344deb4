// The link against a server of a few lines that misbehaves on order. How it works with the real one is told by the
// contract suite.
#include "bus/nats/nats_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/clock.h"
#include "bus/nats/fake_server.h"

namespace pushwire::bus {
namespace {

using nats::FakeServer;
using nats::Order;
using testing::HasSubstr;

class NatsLinkTest : public testing::Test, protected LinkEvents, protected net::TurnHandler {
 protected:
  void open(const FakeServer& server, NatsMode mode = NatsMode::kCore) {
    Settings settings;
    settings.nats.mode = mode;
    settings.kind = BusKind::kNats;
    settings.name_space = "test";
    settings.nats.servers = {server.address()};
    settings.nats.username = "somebody";
    settings.nats.password = "x";
    link_ = make_nats_link(loop_, *this, settings);
    ASSERT_TRUE(link_->open());
  }
  void TearDown() override {
    if (link_) {
      link_->close();
    }
  }
  template <class Condition>
  bool turn_until(Condition&& condition, MonotonicMs most_ms = 10'000) {
    for (const MonotonicMs end = monotonic_ms() + most_ms; !condition() && monotonic_ms() < end;) {
      loop_.turn(*this, 20);
    }
    return condition();
  }
  bool down_tells(std::string_view text) {
    return turn_until([&] { return reason_.find(text) != std::string::npos; });
  }
  bool come_up() {
    return turn_until([this] { return up_; });
  }

  void on_up() override { up_ = true; }
  void on_down(std::string_view reason) override {
    up_ = false;
    reason_ = reason;
  }
  void on_record(std::string_view bytes, std::string_view) override {
    records_.emplace_back(bytes);
    if (pause_at_ == records_.size()) {
      link_->pause();
    }
  }
  void on_sent(std::uint64_t number, SendResult result) override { sent_.emplace_back(number, result); }
  void on_gap(std::string_view) override { ++gaps_; }
  void drain_mail() override {}
  void on_timers(MonotonicMs now) override { loop_.timers().expire(now); }
  void flush() override { link_->flush(); }
  void destroy_closed() override { link_->release(); }
  bool has_work() const override { return false; }

  net::EventLoop loop_;
  std::unique_ptr<Link> link_;
  bool up_ = false;
  std::string reason_;
  std::vector<std::string> records_;
  std::vector<std::pair<std::uint64_t, SendResult>> sent_;
  std::size_t pause_at_ = 0;
  int gaps_ = 0;
};

TEST_F(NatsLinkTest, ConfirmsInOrderWhatTheServerHasHandled) {
  const FakeServer server(Order::kWork);
  open(server);
  ASSERT_TRUE(come_up());
  for (std::uint64_t number = 1; number <= 100; ++number) {
    link_->send({number, 0, "record " + std::to_string(number)});
  }
  ASSERT_TRUE(turn_until([this] { return sent_.size() == 100 && records_.size() == 100; }));
  for (std::uint64_t number = 1; number <= 100; ++number) {
    EXPECT_EQ(sent_[number - 1], std::pair(number, SendResult::kStored));
    EXPECT_EQ(records_[number - 1], "record " + std::to_string(number));
  }
  EXPECT_EQ(gaps_, 0);
}

TEST_F(NatsLinkTest, RefusesARecordBeyondTheServersLimitAndNoOther) {
  const FakeServer server(Order::kWork);
  open(server);
  ASSERT_TRUE(come_up());
  EXPECT_EQ(link_->largest_record(), 1000u);
  link_->send({1, 0, std::string(1001, 'x')});
  EXPECT_TRUE(sent_.empty()) << "called back inside send()";
  link_->send({2, 0, std::string(1000, 'x')});
  link_->send({3, 0, ""});
  ASSERT_TRUE(turn_until([this] { return sent_.size() == 3; }));
  EXPECT_THAT(sent_, testing::ElementsAre(std::pair(1u, SendResult::kTooLarge), std::pair(2u, SendResult::kStored),
                                          std::pair(3u, SendResult::kStored)));
}

TEST_F(NatsLinkTest, TakesNoMoreThanItsShareOfWhatTheSocketDoesNotTakeAndNoSmallOneBeforeALargeOne) {
  constexpr std::size_t kLarge = std::size_t{8} << 20;
  const FakeServer server(Order::kWork, kLarge);
  open(server);
  ASSERT_TRUE(come_up());
  const std::string large(kLarge, 'x');
  for (std::uint64_t number = 1; number <= 9; ++number) {
    link_->send({number, 0, large});  // the server's client takes nothing before the end of the turn
  }
  link_->send({10, 0, "small"});
  EXPECT_TRUE(sent_.empty()) << "called back inside send()";
  link_->flush();
  EXPECT_THAT(sent_, testing::ElementsAre(std::pair(9u, SendResult::kTryAgain), std::pair(10u, SendResult::kTryAgain)));
  sent_.clear();
  ASSERT_TRUE(turn_until([this] { return sent_.size() == 8; }, 60'000));
  link_->send({9, 0, "again"});
  ASSERT_TRUE(turn_until([this] { return sent_.size() == 9; }));
  EXPECT_THAT(sent_, testing::Each(testing::Field(&std::pair<std::uint64_t, SendResult>::second, SendResult::kStored)));
}

TEST_F(NatsLinkTest, TellsThatTheStreamsOwnLimitMakesARecordTooLarge) {
  FakeServer server(Order::kWork);
  server.answer("STREAM.INFO", R"({"created":"monday","state":{"first_seq":1,"last_seq":0}})");
  server.answer("CONSUMER.CREATE", R"({"name":"c"})");
  server.answer("test.bus", R"({"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum"}})");
  open(server, NatsMode::kJetStream);
  ASSERT_TRUE(come_up());
  link_->send({1, 0, "record"});
  ASSERT_TRUE(turn_until([this] { return !sent_.empty(); }));
  EXPECT_THAT(sent_, testing::ElementsAre(std::pair(1u, SendResult::kTooLarge)));
}

TEST_F(NatsLinkTest, ConfirmsNothingThatTheUserMayNotPublish) {
  const FakeServer server(Order::kForbidPublish);
  open(server);
  ASSERT_TRUE(come_up());
  link_->send({1, 0, "record"});
  ASSERT_TRUE(down_tells("Permissions Violation for Publish"));
  EXPECT_THAT(reason_, HasSubstr("bus.nats.password"));
  EXPECT_TRUE(sent_.empty());
}

TEST_F(NatsLinkTest, DoesNotComeUpWhenTheUserMayNotSubscribe) {
  const FakeServer server(Order::kForbidSubscribe);
  open(server);
  ASSERT_TRUE(down_tells("Permissions Violation for Subscription"));
  EXPECT_FALSE(up_);
  EXPECT_EQ(gaps_, 0) << "nothing was received before";
}

TEST_F(NatsLinkTest, CountsOneGapForALostConnectionAndComesBack) {
  FakeServer server(Order::kWork);
  open(server);
  ASSERT_TRUE(come_up());
  server.cut();
  ASSERT_TRUE(down_tells("bus.nats.servers: lost 127.0.0.1"));
  ASSERT_TRUE(come_up());
  EXPECT_EQ(gaps_, 1);
  link_->send({7, 0, "after"});
  ASSERT_TRUE(turn_until([this] { return !records_.empty() && !sent_.empty(); }));
}

TEST_F(NatsLinkTest, GivesUpAServerThatTakesRecordsAndDoesNotAnswer) {
  const FakeServer server(Order::kSwallowQuestions);
  open(server);
  ASSERT_TRUE(come_up());
  link_->send({1, 0, "record"});
  ASSERT_TRUE(down_tells("no answer for 6000 ms"));
  EXPECT_TRUE(sent_.empty());
}

TEST_F(NatsLinkTest, CountsARecordThatTheLibrarySwallowsAsOneThatCannotBeRead) {
  FakeServer server(Order::kWork);
  open(server);
  ASSERT_TRUE(come_up());
  server.push_control("test.bus", "503");
  server.push({"test.bus", "", "", "after"});
  ASSERT_TRUE(turn_until([this] { return records_.size() == 2; }));
  EXPECT_THAT(records_, testing::ElementsAre("", "after"));
  EXPECT_TRUE(up_);
}

TEST_F(NatsLinkTest, HandsOverNothingWhilePausedAndAllOfItLater) {
  const FakeServer server(Order::kWork);
  open(server);
  ASSERT_TRUE(come_up());
  pause_at_ = 3;
  for (std::uint64_t number = 1; number <= 50; ++number) {
    link_->send({number, 0, "record"});
  }
  ASSERT_TRUE(turn_until([this] { return sent_.size() == 50; })) << "confirmations wait behind what is not read";
  EXPECT_EQ(records_.size(), 3u);
  link_->resume();
  EXPECT_TRUE(turn_until([this] { return records_.size() == 50; }));
}

TEST_F(NatsLinkTest, IsSilentAfterCloseInTheMiddleOfAReconnect) {
  FakeServer server(Order::kWork);
  open(server);
  ASSERT_TRUE(come_up());
  server.cut();
  ASSERT_TRUE(turn_until([this] { return !up_; }));
  link_->close();
  reason_ = "none";
  EXPECT_FALSE(turn_until([this] { return up_ || reason_ != "none"; }, 300));
}

TEST_F(NatsLinkTest, RefusesANamespaceThatIsNoSubject) {
  Settings settings;
  settings.name_space = "a b";
  link_ = make_nats_link(loop_, *this, settings);
  const Result<> opened = link_->open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("bus.namespace"));
}

}  // namespace
}  // namespace pushwire::bus
