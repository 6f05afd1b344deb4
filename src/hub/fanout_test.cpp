#include "hub/fanout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "hub/hub_test_support.h"

namespace pushwire::hub {
namespace {

using bus::Envelope;
using bus::EnvelopeKind;
using metrics::DropReason;
using test::Device;
using test::Worker;
using Frames = std::vector<std::string>;

constexpr std::size_t kCrowd = 1000;
constexpr std::uint64_t kSlice = 32;

class FanoutTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_GE(test::allow_many_descriptors(), 2 * kCrowd + 100); }

  void crowd(std::size_t size, std::string_view topic) {
    for (std::size_t i = 0; i < size; ++i) {
      devices_.push_back(worker_.connect("user" + std::to_string(i), {.topics = {std::string(topic)}}));
    }
    worker_.turn();
    for (Device& device : devices_) {
      (void)device.client.frames();
    }
  }
  std::uint64_t deliveries_of_a_turn() {
    const std::uint64_t before = worker_.stats.deliveries.value();
    worker_.turn();
    return worker_.stats.deliveries.value() - before;
  }

  Worker worker_;
  std::deque<Device> devices_;
};

TEST_F(FanoutTest, GivesOutABoundedNumberPerTurnAndLetsOthersThrough) {
  crowd(kCrowd, "t");
  for (const EnvelopeKind kind : {EnvelopeKind::kAll, EnvelopeKind::kTopic}) {
    const std::string topic = kind == EnvelopeKind::kTopic ? "t" : "";
    worker_.push(test::envelope_to(kind, topic, "wide"));
    EXPECT_EQ(deliveries_of_a_turn(), kSlice);
    EXPECT_TRUE(worker_.hub.has_work());
    EXPECT_GT(worker_.mailbox.bytes(), 0U) << "what waits here still counts in the mailbox";

    worker_.push(test::envelope_to(EnvelopeKind::kUser, "user999", "single"));
    EXPECT_EQ(deliveries_of_a_turn(), kSlice + 1);
    EXPECT_EQ(devices_.back().client.frames(), Frames{test::message_text("single")}) << "it did not wait";
    for (std::uint64_t given = 2 * kSlice; given < kCrowd; given += kSlice) {
      EXPECT_EQ(deliveries_of_a_turn(), std::min(kSlice, kCrowd - given));
    }
    EXPECT_FALSE(worker_.hub.has_work());
    EXPECT_EQ(worker_.mailbox.bytes(), 0U);
    for (std::size_t i = 0; i < kCrowd; ++i) {
      EXPECT_EQ(devices_[i].client.frames(), Frames{test::message_text("wide", topic)}) << i;
    }
  }
}

TEST_F(FanoutTest, EndsInItsTurnWhenTheSliceIsJustEnough) {
  crowd(kSlice, "t");
  worker_.push(test::envelope_to(EnvelopeKind::kTopic, "t"));
  worker_.push(test::envelope_to(EnvelopeKind::kAll, ""));
  worker_.finish();
  EXPECT_EQ(worker_.stats.deliveries.value(), 2 * kSlice);
  EXPECT_EQ(worker_.mailbox.bytes(), 0U);
}

TEST_F(FanoutTest, KeepsWidePushesInOrder) {
  crowd(300, "t");
  Frames expected;
  for (int i = 0; i < 6; ++i) {
    const std::string id = "m" + std::to_string(i);
    const bool topic = i % 2 == 0;
    worker_.push(test::envelope_to(topic ? EnvelopeKind::kTopic : EnvelopeKind::kAll, topic ? "t" : "", id));
    expected.push_back(test::message_text(id, topic ? "t" : ""));
  }
  worker_.finish();
  for (Device& device : devices_) {
    EXPECT_EQ(device.client.frames(), expected);
  }
}

TEST_F(FanoutTest, SkipsWhoClosesMeanwhileAndNobodyElse) {
  crowd(600, "t");
  for (const EnvelopeKind kind : {EnvelopeKind::kTopic, EnvelopeKind::kAll}) {
    const std::uint64_t before = worker_.stats.deliveries.value();
    const std::size_t present = worker_.hub.sessions().open_count();
    for (Device& device : devices_) {
      (void)device.client.frames();
    }
    worker_.push(test::envelope_to(kind, "t", "wide"));
    worker_.turn();
    std::size_t closed = 0;
    for (std::size_t i = kind == EnvelopeKind::kTopic ? 0 : 1; i < devices_.size(); i += 4) {
      const bool served = !devices_[i].client.frames().empty();
      devices_[i].session->close(protocol::Disconnect::kKicked);
      closed += served ? 0 : 1;
    }
    worker_.finish();
    EXPECT_EQ(worker_.stats.deliveries.value() - before, present - closed);
    EXPECT_GT(closed, 0U);
  }
  EXPECT_EQ(worker_.drops(DropReason::kClosing), 0U) << "who has left is no target any more";
}

TEST_F(FanoutTest, CountsAnExpiredPushForEachSocketItWasMeantFor) {
  crowd(300, "t");
  Envelope envelope = test::envelope_to(EnvelopeKind::kTopic, "t");
  envelope.ttl_ms = 1;
  envelope.born_ms -= 10;
  worker_.push(envelope);
  envelope.kind = EnvelopeKind::kUser;
  envelope.key = "user7";
  worker_.push(envelope);
  envelope.key = "nobody";
  worker_.push(envelope);
  worker_.finish();
  EXPECT_EQ(worker_.drops(DropReason::kExpired), 301U);
  EXPECT_EQ(worker_.stats.deliveries.value(), 0U);
  EXPECT_EQ(worker_.mailbox.bytes(), 0U);
}

TEST_F(FanoutTest, LeavesOutWhoIsExcluded) {
  crowd(3, "t");
  devices_.push_back(worker_.welcomed("user0", {.topics = {"t"}}));  // a second device
  Envelope envelope = test::envelope_to(EnvelopeKind::kTopic, "t", "not user0");
  envelope.exclude_user = "user0";
  worker_.push(envelope);
  envelope = test::envelope_to(EnvelopeKind::kAll, "", "not one device");
  envelope.exclude_session = devices_[3].session->id().to_string();
  worker_.push(envelope);
  envelope = test::envelope_to(EnvelopeKind::kUser, "user0", "not one device either");
  envelope.exclude_session = devices_[0].session->id().to_string();
  worker_.push(envelope);
  worker_.finish();
  EXPECT_EQ(devices_[0].client.frames(), Frames{test::message_text("not one device")});
  EXPECT_EQ(devices_[1].client.frames(),
            (Frames{test::message_text("not user0", "t"), test::message_text("not one device")}));
  EXPECT_EQ(devices_[3].client.frames(), Frames{test::message_text("not one device either")});
  EXPECT_EQ(worker_.stats.deliveries.value(), 6U);
}

TEST_F(FanoutTest, GivesRawClientsTheirOwnFrame) {
  Device plain = worker_.welcomed("alice");
  Device raw = worker_.welcomed("alice", {.format = session::MessageFormat::kRaw});
  Device other = worker_.welcomed("bob", {.format = session::MessageFormat::kRaw});
  worker_.push(test::envelope_to(EnvelopeKind::kAll, "", "m1"));
  worker_.finish();
  EXPECT_EQ(plain.client.frames(), Frames{test::message_text("m1")});
  EXPECT_EQ(raw.client.frames(), Frames{"text 1"});
  EXPECT_EQ(other.client.frames(), Frames{"text 1"});
}

TEST_F(FanoutTest, EndsAtOnceWhenNobodyIsThere) {
  worker_.push(test::envelope_to(EnvelopeKind::kTopic, "t"));
  worker_.push(test::envelope_to(EnvelopeKind::kAll, ""));
  worker_.turn();
  EXPECT_FALSE(worker_.hub.has_work());
  EXPECT_EQ(worker_.mailbox.bytes(), 0U);
}

TEST(FanoutEnd, LeavesNothingBehindInTheMiddleOfAWalk) {
  ASSERT_GE(test::allow_many_descriptors(), 700U);
  std::deque<Device> devices;
  Worker worker;
  for (int i = 0; i < 300; ++i) {
    devices.push_back(worker.connect("user" + std::to_string(i), {.topics = {"t"}}));
  }
  worker.push(test::envelope_to(EnvelopeKind::kTopic, "t"));
  worker.turn();
  devices[299].session->close(protocol::Disconnect::kKicked);
  EXPECT_TRUE(worker.hub.has_work());
}

}  // namespace
}  // namespace pushwire::hub
