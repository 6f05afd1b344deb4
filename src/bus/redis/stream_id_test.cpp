#include "bus/redis/stream_id.h"

#include <gtest/gtest.h>

namespace pushwire::bus::redis {
namespace {

TEST(RedisStreamId, IsReadAndWrittenTheSameWay) {
  for (const char* text : {"0-0", "1700000000000-7", "18446744073709551615-18446744073709551615"}) {
    const auto id = parse_stream_id(text);
    ASSERT_TRUE(id) << text;
    EXPECT_EQ(id->to_string(), text);
  }
}

TEST(RedisStreamId, IsOrderedByTimeThenNumber) {
  EXPECT_LT((StreamId{1, 9}), (StreamId{2, 0}));
  EXPECT_LT((StreamId{2, 0}), (StreamId{2, 1}));
}

TEST(RedisStreamId, AnythingElseIsNone) {
  for (const char* text : {"", "-", "1", "1-", "-1", "a-1", "1-b", "1-2-3", "18446744073709551616-0", " 1-0", "+1-0"}) {
    EXPECT_FALSE(parse_stream_id(text)) << text;
  }
}

}  // namespace
}  // namespace pushwire::bus::redis
