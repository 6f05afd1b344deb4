#include "bus/kafka/kafka_reader.h"

#include <gtest/gtest.h>

namespace pushwire::bus {
namespace {

class Silent final : public LinkEvents {
 public:
  void on_up() override {}
  void on_down(std::string_view) override {}
  void on_record(std::string_view, std::string_view) override {}
  void on_sent(std::uint64_t, SendResult) override {}
  void on_gap(std::string_view) override {}
};

KafkaAnswer ends(std::vector<std::int64_t> offsets) {
  KafkaAnswer answer;
  answer.ends = std::move(offsets);
  return answer;
}

TEST(KafkaReader, HasNoPositionBeforeEachPartitionsEndIsKnown) {
  Silent silent;
  KafkaReader reader(silent);
  EXPECT_FALSE(reader.take_positions(ends({5, kUnknownOffset}), {}));
  EXPECT_TRUE(reader.take_positions(ends({5, 7}), {}));
  // Later a leader may be away: the others are still read.
  EXPECT_TRUE(reader.take_positions(ends({5, kUnknownOffset}), {}));
  EXPECT_TRUE(reader.lost().empty());
}

TEST(KafkaReader, IsStuckWhenTheBrokerHasMoreForLongAndNothingCame) {
  Silent silent;
  KafkaReader reader(silent);
  ASSERT_TRUE(reader.take_positions(ends({5, 7}), {}));
  EXPECT_FALSE(reader.is_stuck(ends({5, 7}), 1));
  EXPECT_FALSE(reader.is_stuck(ends({5, 7}), 1 + KafkaReader::kStuckMs));
  EXPECT_FALSE(reader.is_stuck(ends({5, 8}), 20'000));
  EXPECT_FALSE(reader.is_stuck(ends({5, 9}), 20'000 + KafkaReader::kStuckMs - 1));
  EXPECT_TRUE(reader.is_stuck(ends({5, 9}), 20'000 + KafkaReader::kStuckMs));
}

TEST(KafkaReader, IsNotStuckWhilePaused) {
  Silent silent;
  KafkaReader reader(silent);
  ASSERT_TRUE(reader.take_positions(ends({5}), {}));
  reader.pause();
  EXPECT_FALSE(reader.is_stuck(ends({9}), 1));
  EXPECT_FALSE(reader.is_stuck(ends({9}), 100'000));
}

TEST(KafkaReader, ReadsAPartitionThatCameLaterFromItsBeginning) {
  Silent silent;
  KafkaReader reader(silent);
  ASSERT_TRUE(reader.take_positions(ends({5}), {}));
  ASSERT_TRUE(reader.take_positions(ends({5, 3}), {}));
  // It has three records, and none of them was read: behind from the start.
  EXPECT_FALSE(reader.is_stuck(ends({5, 3}), 1'000));
  EXPECT_FALSE(reader.is_stuck(ends({5, 3}), 2'000));
  EXPECT_TRUE(reader.is_stuck(ends({5, 3}), 2'000 + KafkaReader::kStuckMs));
}

}  // namespace
}  // namespace pushwire::bus
