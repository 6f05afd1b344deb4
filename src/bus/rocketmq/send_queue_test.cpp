#include "bus/rocketmq/send_queue.h"

#include <gtest/gtest.h>

#include "bus/rocketmq/message.h"

namespace pushwire::bus::rocketmq {
namespace {

using Numbers = std::vector<std::uint64_t>;
constexpr std::string_view kProperties = "TAGS\x01push\x02";

TEST(SendQueue, OneRecordIsSentAsItIs) {
  SendQueue queue(kProperties);
  queue.add(1, "hello");
  const SendQueue::Body body = queue.take();
  EXPECT_EQ(body.form, SendForm::kSingle);
  EXPECT_EQ(body.bytes, "hello");
}

TEST(SendQueue, OnlyOneRequestIsOnItsWayAndTheRestMakesUpTheNext) {
  SendQueue queue(kProperties);
  queue.add(1, "a");
  EXPECT_EQ(queue.take().bytes, "a");
  queue.add(2, "bb");
  queue.add(3, "ccc");
  EXPECT_FALSE(queue.can_send());
  EXPECT_EQ(queue.take_in_flight(), Numbers{1});
  ASSERT_TRUE(queue.can_send());
  std::string expected;
  append_to_batch(expected, "bb", kProperties);
  append_to_batch(expected, "ccc", kProperties);
  const SendQueue::Body body = queue.take();
  EXPECT_EQ(body.form, SendForm::kBatch);
  EXPECT_EQ(body.bytes, expected);
  EXPECT_EQ(queue.take_in_flight(), (Numbers{2, 3}));
  EXPECT_TRUE(queue.is_idle());
}

TEST(SendQueue, ABatchKeepsToBothLimits) {
  SendQueue queue(kProperties);
  for (std::uint64_t number = 0; number < 2 * kMaxBatchMessages; ++number) {
    queue.add(number, "x");
  }
  queue.take();
  EXPECT_EQ(queue.take_in_flight().size(), kMaxBatchMessages);
  SendQueue large(kProperties);
  const std::string megabyte(1'000'000, 'x');
  for (std::uint64_t number = 0; number < 6; ++number) {
    large.add(number, megabyte);
  }
  EXPECT_LE(large.take().bytes.size(), kMaxBodyBytes);
  EXPECT_EQ(large.take_in_flight().size(), 4U);
  EXPECT_EQ(large.take().form, SendForm::kBatch);
  EXPECT_EQ(large.take_in_flight().size(), 2U);
}

TEST(SendQueue, TheLargestRecordGoesAlone) {
  SendQueue queue(kProperties);
  queue.add(1, std::string(kMaxBodyBytes, 'x'));
  queue.add(2, "y");
  const SendQueue::Body body = queue.take();
  EXPECT_EQ(body.form, SendForm::kSingle);
  EXPECT_EQ(body.bytes.size(), kMaxBodyBytes);
  EXPECT_EQ(queue.take_in_flight(), Numbers{1});
}

TEST(SendQueue, GivesAllBackInOrder) {
  SendQueue queue(kProperties);
  queue.add(1, "a");
  queue.take();
  queue.add(2, "b");
  queue.add(3, "c");
  EXPECT_EQ(queue.take_all(), (Numbers{1, 2, 3}));
  EXPECT_TRUE(queue.is_idle());
  EXPECT_EQ(queue.waiting_bytes(), 0U);
  queue.add(4, "d");
  EXPECT_EQ(queue.take().bytes, "d");
}

TEST(SendQueue, BatchesThatAreTooLargeBecomeHalfAsLargeUntilARecordProvesToBe) {
  SendQueue queue(kProperties);
  const auto add = [&queue] {
    for (std::uint64_t number = 0; number < 16; ++number) {
      queue.add(number, std::string(10'000, 'x'));
    }
  };
  add();
  queue.take();
  ASSERT_EQ(queue.in_flight(), 16U);
  queue.shrink_batches();
  queue.take_all();
  add();
  queue.take();
  EXPECT_EQ(queue.in_flight(), 8U);
  queue.restore_batches();
  queue.take_all();
  add();
  queue.take();
  EXPECT_EQ(queue.in_flight(), 16U);
}

TEST(SendQueue, RecordsOfASmallBatchGoAloneOnceAndBatchesGoOn) {
  SendQueue queue(kProperties);
  const auto add = [&queue] {
    for (std::uint64_t number = 0; number < 3; ++number) {
      queue.add(number, "x");
    }
  };
  add();
  queue.take();
  queue.shrink_batches();
  queue.take_all();
  add();
  add();
  for (int i = 0; i < 3; ++i) {
    queue.take();
    EXPECT_EQ(queue.take_in_flight().size(), 1U);
  }
  queue.take();
  EXPECT_EQ(queue.take_in_flight().size(), 3U);
}

TEST(SendQueue, AnAnswerToWhatWasGivenBackIsToldFromOneThatCounts) {
  SendQueue queue(kProperties);
  queue.add(1, "a");
  queue.take();
  const std::uint32_t first = queue.batch();
  queue.take_all();
  EXPECT_NE(queue.batch(), first);
}

TEST(SendQueue, EachRequestHasANameOfItsOwn) {
  SendQueue queue(kProperties);
  queue.add(1, "a");
  queue.take();
  const std::uint32_t first = queue.batch();
  queue.take_all();
  queue.add(1, "a");
  queue.take();
  EXPECT_NE(queue.batch(), first);
}

TEST(SendQueue, ALongQueueIsSentInOrderThoughMemoryIsGivenBackMeanwhile) {
  SendQueue queue(kProperties);
  std::uint64_t next = 0;
  std::uint64_t expected = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 700; ++i) {
      queue.add(next++, "record");
    }
    queue.take();
    for (const std::uint64_t number : queue.take_in_flight()) {
      ASSERT_EQ(number, expected++);
    }
  }
  EXPECT_EQ(queue.waiting_bytes(), (next - expected) * batch_bytes(6, kProperties.size()));
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
