// Messages as brokers store them: read from the body of a pull's answer, written as the body of a batch.
// Sans-I/O. Values are views of the bytes that were read. Any thread, one at a time.
// Source: org.apache.rocketmq.common.message.MessageDecoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace pushwire::bus::rocketmq {

struct Message {
  std::string_view body;  // as stored: with bit 0 of `sys_flag` compressed
  std::string_view topic;
  std::string_view properties;
  std::uint32_t queue = 0;
  std::int64_t queue_offset = 0;
  std::uint32_t sys_flag = 0;
  WallMs born_ms = 0;
  WallMs stored_ms = 0;
};

// Walks over messages that stand one behind the other.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) noexcept : rest_(bytes) {}
  // Empty at the end, and when the rest is no message (failed()).
  std::optional<Message> next() noexcept;
  bool failed() const noexcept { return failed_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

// The value of a property (`name` 0x01 value 0x02 …); empty when it is not there.
std::string_view property_of(std::string_view properties, std::string_view name) noexcept;

// Appends one message to the body of a batch. Properties: at most 32,767 bytes.
void append_to_batch(std::string& batch, std::string_view body, std::string_view properties);
// How many bytes that takes.
constexpr std::size_t batch_bytes(std::size_t body, std::size_t properties) noexcept {
  return 22 + body + properties;
}

}  // namespace pushwire::bus::rocketmq
