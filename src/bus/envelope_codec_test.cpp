#include "bus/envelope_codec.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

namespace pushwire::bus {
namespace {

Envelope full_envelope() {
  Envelope envelope;
  envelope.kind = EnvelopeKind::kUsers;
  envelope.users = {"alice",
                    "b\xc3\xb6"
                    "b"};
  envelope.id = "order:17";
  envelope.event = "";
  envelope.payload_kind = protocol::PayloadKind::kBinary;
  envelope.payload = "AAEC";
  envelope.exclude_session = std::string(22, 'A');
  envelope.exclude_user = "carol";
  envelope.born_ms = 1'700'000'000'123;
  envelope.ttl_ms = 86'400'000;
  envelope.received_ns = 42;
  envelope.origin = "n1";
  envelope.body = digest_of("body");
  return envelope;
}

std::string record_of(const Envelope& envelope, std::uint64_t run = 7, std::uint64_t number = 1) {
  std::string record = encode_record(envelope, run);
  stamp_number(record, number);
  return record;
}

std::string recorded(const char* name) {
  std::ifstream file(std::string(PUSHWIRE_SOURCE_DIR) + "/tests/data/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void expect_equal(const Envelope& got, const Envelope& sent) {
  EXPECT_EQ(got.kind, sent.kind);
  EXPECT_EQ(got.key, sent.key);
  EXPECT_EQ(got.users, sent.users);
  EXPECT_EQ(got.id, sent.id);
  EXPECT_EQ(got.event, sent.event);
  EXPECT_EQ(got.payload_kind, sent.payload_kind);
  EXPECT_EQ(got.payload, sent.payload);
  EXPECT_EQ(got.exclude_session, sent.exclude_session);
  EXPECT_EQ(got.exclude_user, sent.exclude_user);
  EXPECT_EQ(got.born_ms, sent.born_ms);
  EXPECT_EQ(got.ttl_ms, sent.ttl_ms);
  EXPECT_EQ(got.received_ns, sent.received_ns);
  EXPECT_EQ(got.origin, sent.origin);
  EXPECT_EQ(got.body, sent.body);
}

TEST(EnvelopeCodec, BringsBackEveryFieldAndTheStamp) {
  const Envelope sent = full_envelope();
  const auto got = decode_record(record_of(sent, 0x1122334455667788, 99));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->stamp.run, 0x1122334455667788U);
  EXPECT_EQ(got->stamp.number, 99U);
  expect_equal(got->envelope, sent);
}

TEST(EnvelopeCodec, TellsNoEventFromAnEmptyOne) {
  Envelope envelope = full_envelope();
  envelope.event.reset();
  EXPECT_EQ(decode_record(record_of(envelope))->envelope.event, std::nullopt);
}

TEST(EnvelopeCodec, CarriesRefusedNumbersInControlRecords) {
  Envelope envelope;
  envelope.kind = EnvelopeKind::kControl;
  std::string record = encode_record(envelope, 7, {{3, 5}, {9, 9}});
  stamp_number(record, 12);
  const auto got = decode_record(record);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->refused, (std::vector<NumberRange>{{3, 5}, {9, 9}}));
}

TEST(EnvelopeCodec, RefusesARecordWithAnyByteChangedOrMissing) {
  const std::string record = record_of(full_envelope());
  for (std::size_t i = 0; i < record.size(); ++i) {
    std::string changed = record;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    const auto got = decode_record(changed);
    // The version of the writer is not looked at: what counts is what a reader needs.
    EXPECT_EQ(got.has_value(), i == 2) << "byte " << i;
    EXPECT_FALSE(decode_record(std::string_view(record).substr(0, i)));
  }
}

TEST(EnvelopeCodec, RefusesWhatNeedsANewerReaderAndSaysWhich) {
  std::string record = record_of(full_envelope());
  record[2] = 3;
  record[3] = 2;
  const auto got = decode_record(record);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, RecordFault::Kind::kNewerVersion);
  EXPECT_EQ(got.error().what, "it is of version 3 and needs a node that reads 2; this one reads 1");
}

// Recorded once and never made anew: a node of today reads what a node of version 1 wrote, and what a node of the
// version after this one will write, with a field (tag 200) that is not known here.
TEST(EnvelopeCodec, ReadsRecordsOfThisVersionAndOfTheNext) {
  for (const char* name : {"record-version-1.bin", "record-version-2.bin"}) {
    const auto got = decode_record(recorded(name));
    ASSERT_TRUE(got) << name << ": " << got.error().what;
    expect_equal(got->envelope, full_envelope());
    EXPECT_EQ(got->stamp.run, 0x0102030405060708U);
    EXPECT_EQ(got->stamp.number, 17U);
  }
  EXPECT_EQ(recorded("record-version-2.bin")[2], 2);
}

TEST(EnvelopeCodec, WritesTheSameBytesAsWhenVersion1WasRecorded) {
  EXPECT_EQ(record_of(full_envelope(), 0x0102030405060708U, 17), recorded("record-version-1.bin"));
}

TEST(LaneOf, IsTheSameForeverAndDiffersByKindAndKey) {
  Envelope envelope;
  envelope.key = "alice";
  const std::uint64_t user = lane_of(envelope);
  EXPECT_EQ(user, lane_of(envelope));
  envelope.kind = EnvelopeKind::kTopic;
  EXPECT_NE(lane_of(envelope), user);
  std::set<std::uint64_t> queues;
  for (int i = 0; i < 200; ++i) {
    envelope.key = "user" + std::to_string(i);
    queues.insert(lane_of(envelope) % 8);
  }
  EXPECT_EQ(queues.size(), 8U);
}

}  // namespace
}  // namespace pushwire::bus
