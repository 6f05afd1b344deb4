#include "bus/rocketmq/message.h"

#include <gtest/gtest.h>

#include <string>

#include "bus/rocketmq/golden.h"

namespace pushwire::bus::rocketmq {
namespace {

constexpr std::string_view kProperties =
    "u\x01"
    "1001\x02TAGS\x01push\x02";

Message read_one(std::string_view bytes) {
  MessageReader reader(bytes);
  const std::optional<Message> message = reader.next();
  EXPECT_TRUE(message);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.failed());
  return message.value_or(Message());
}

TEST(Message, ReadsWhatTheGenuineCodecWrote) {
  const std::string bytes = golden::bytes_of(golden::kMessage);
  const Message message = read_one(bytes);
  EXPECT_EQ(message.body, "hello");
  EXPECT_EQ(message.topic, "gw-bus");
  EXPECT_EQ(message.properties, kProperties);
  EXPECT_EQ(message.queue, 3U);
  EXPECT_EQ(message.queue_offset, 41);
  EXPECT_EQ(message.born_ms, 1'700'000'000'123);
  EXPECT_EQ(message.stored_ms, 1'700'000'000'456);
  EXPECT_EQ(message.sys_flag, 0U);
}

TEST(Message, ReadsHostsOfBothKinds) {
  const std::string one = golden::bytes_of(golden::kV6BornMessage);
  EXPECT_EQ(read_one(one).body, "hello");
  EXPECT_EQ(read_one(one).stored_ms, 1'700'000'000'456);
  const std::string both = golden::bytes_of(golden::kV6Message);
  EXPECT_EQ(read_one(both).body, "v6");
  EXPECT_EQ(read_one(both).topic, "two");
  EXPECT_EQ(property_of(read_one(both).properties, "TRACE_ON"), "true");
}

TEST(Message, LeavesACompressedBodyAsItIsAndSaysSo) {
  const std::string bytes = golden::bytes_of(golden::kCompressedMessage);
  EXPECT_EQ(read_one(bytes).sys_flag & 1, 1U);
  EXPECT_EQ(read_one(bytes).body.size(), 12U);
}

TEST(Message, ReadsSeveralAndGoesOnBySizeAlone) {
  std::string longer = golden::bytes_of(golden::kMessage) + "more";  // fields of a later version
  longer[3] = static_cast<char>(longer.size());
  const std::string bytes = longer + golden::bytes_of(golden::kV6Message);
  MessageReader reader(bytes);
  EXPECT_EQ(reader.next()->body, "hello");
  EXPECT_EQ(reader.next()->body, "v6");
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.failed());
}

TEST(Message, CutAnywhereItFailsAndReadsNothingBehind) {
  const std::string bytes = golden::bytes_of(golden::kMessage);
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const std::string part = bytes.substr(0, size);
    MessageReader reader(part);
    EXPECT_FALSE(reader.next()) << size;
    EXPECT_TRUE(reader.failed()) << size;
    std::string shorter = part;  // the size says what is there, but the fields do not fit
    if (size >= 4) {
      shorter[3] = static_cast<char>(size);
      MessageReader inner(shorter);
      EXPECT_FALSE(inner.next()) << size;
      EXPECT_TRUE(inner.failed()) << size;
    }
  }
}

TEST(Message, AnUnknownMagicFails) {
  std::string bytes = golden::bytes_of(golden::kMessage);
  bytes[7] = 0;
  MessageReader reader(bytes);
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.failed());
}

TEST(Message, FindsAPropertyByItsWholeName) {
  EXPECT_EQ(property_of(kProperties, "TAGS"), "push");
  EXPECT_EQ(property_of(kProperties, "u"), "1001");
  EXPECT_EQ(property_of(kProperties, "TAG"), "");
  EXPECT_EQ(property_of(kProperties, "AGS"), "");
  EXPECT_EQ(property_of("noise\x02TAGS\x01push", "TAGS"), "push");  // the last 0x02 may be missing
  EXPECT_EQ(property_of("", "TAGS"), "");
}

TEST(Message, WritesABatchByteByByteAsTheGenuineCodec) {
  constexpr std::string_view kFirst =
      "u\x01"
      "1\x02KEYS\x01k\x02WAIT\x01true\x02TAGS\x01"
      "a\x02";
  constexpr std::string_view kSecond = "WAIT\x01true\x02";
  std::string batch;
  append_to_batch(batch, "one", kFirst);
  append_to_batch(batch, "two", kSecond);
  EXPECT_EQ(batch, golden::bytes_of(golden::kBatch));
  EXPECT_EQ(batch.size(), batch_bytes(3, kFirst.size()) + batch_bytes(3, kSecond.size()));
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
