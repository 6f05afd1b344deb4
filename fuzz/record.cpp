// Fuzzes records as they come from the bus, where strangers may write too. Nothing may crash; what is read keeps its
// limits and is the same after it was written again. libFuzzer entry; one thread. The input is the record, and once
// more with its checksum made right, since hardly any other input would get behind it.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "base/crc32c.h"
#include "bus/envelope_codec.h"

namespace {

using namespace pushwire::bus;

void check(const std::string& input) {
  const auto record = decode_record(input);
  if (!record) {
    PW_CHECK(!record.error().what.empty());
    return;
  }
  PW_CHECK(record->envelope.users.size() <= kMaxRecordUsers);
  PW_CHECK(record->envelope.bytes() <= 64 * input.size() + 1'000);  // nothing grows out of a small record
  std::string again = encode_record(record->envelope, record->stamp.run, record->refused);
  stamp_number(again, record->stamp.number);
  const auto second = decode_record(again);
  PW_CHECK(second.has_value());
  PW_CHECK(second->envelope.key == record->envelope.key && second->envelope.payload == record->envelope.payload);
  PW_CHECK(second->envelope.users == record->envelope.users && second->envelope.event == record->envelope.event);
  PW_CHECK(second->stamp.number == record->stamp.number && second->refused == record->refused);
  PW_CHECK(lane_of(second->envelope) == lane_of(record->envelope));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string input(reinterpret_cast<const char*>(data), size);
  check(input);
  if (input.size() >= kRecordHeadBytes) {
    const std::string_view record = input;
    const std::uint32_t right =
        pushwire::crc32c(record.substr(kRecordHeadBytes)) ^ pushwire::crc32c(record.substr(8, kRecordHeadBytes - 8));
    std::memcpy(&input[4], &right, sizeof right);
    check(input);
  }
  return 0;
}
