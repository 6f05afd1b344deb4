// The record: an envelope in bytes, as it lies on the bus (picture and rules: docs/bus.md).
//
// A fixed head of 40 bytes, then fields, each a tag, a length and bytes. A reader skips tags that it does not know, so
// that a newer node can add some; a change that an older reader would get wrong raises the "reads" byte instead, and
// such a record is refused whole. Integers are little-endian. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bus/envelope.h"

namespace pushwire::bus {

inline constexpr std::uint8_t kRecordVersion = 1;  // that this node writes, and the newest it reads
inline constexpr std::size_t kRecordHeadBytes = 40;
inline constexpr std::size_t kMaxRecordUsers = 1000;  // as many as one push may name
inline constexpr std::size_t kMaxRefusedRanges = 1'024;

// Numbers of one node's pushes that its publishers were told of as refused: nobody has missed them.
struct NumberRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // included
  bool operator==(const NumberRange&) const = default;
};

// What stands in a record beside the envelope.
struct RecordStamp {
  std::uint64_t run = 0;     // random, made when the node started: its numbers begin anew with it
  std::uint64_t number = 0;  // of the push, from 1 on; in a control record the next one that will be given
};

struct DecodedRecord {
  RecordStamp stamp;
  Envelope envelope;
  std::vector<NumberRange> refused;  // control records only
};

struct RecordFault {
  enum class Kind : std::uint8_t { kDamaged, kNewerVersion };
  Kind kind = Kind::kDamaged;
  std::string what;
};

// The record with stamp.run, and without a number: see stamp_number().
std::string encode_record(const Envelope& envelope, std::uint64_t run, const std::vector<NumberRange>& refused = {});
// Gives an encoded record its number. Once; costs the same for any size.
void stamp_number(std::string& record, std::uint64_t number);

Result<DecodedRecord, RecordFault> decode_record(std::string_view bytes);

// A hash of kind and key that is the same on every node and in every version: one lane keeps its order.
std::uint64_t lane_of(const Envelope& envelope) noexcept;

}  // namespace pushwire::bus
