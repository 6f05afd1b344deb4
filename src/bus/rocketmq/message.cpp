#include "bus/rocketmq/message.h"

#include "bus/rocketmq/byte_order.h"

namespace pushwire::bus::rocketmq {
namespace {

constexpr std::uint32_t kMagic1 = 0xDAA320A7;  // length of the topic in one byte
constexpr std::uint32_t kMagic2 = 0xDAA320AB;  // in two
constexpr std::uint32_t kBornHostIsV6 = 0x10;
constexpr std::uint32_t kStoreHostIsV6 = 0x20;

constexpr std::size_t host_bytes(bool is_v6) noexcept {
  return (is_v6 ? 16 : 4) + 4;
}

}  // namespace

std::optional<Message> MessageReader::next() noexcept {
  if (failed_ || rest_.empty()) {
    return std::nullopt;
  }
  ByteReader outer(rest_);
  const std::size_t size = outer.u32();
  // The size counts from its own first byte, and is right also where a later version has added fields at the end.
  if (outer.failed() || size < 4 || size > rest_.size()) {
    failed_ = true;
    return std::nullopt;
  }
  ByteReader reader(rest_.substr(4, size - 4));
  rest_.remove_prefix(size);
  const std::uint32_t magic = reader.u32();
  Message message;
  reader.skip(4);  // check sum of the body
  message.queue = reader.u32();
  reader.skip(4);  // flag
  message.queue_offset = static_cast<std::int64_t>(reader.u64());
  reader.skip(8);  // where in the log
  message.sys_flag = reader.u32();
  message.born_ms = static_cast<WallMs>(reader.u64());
  reader.skip(host_bytes((message.sys_flag & kBornHostIsV6) != 0));
  message.stored_ms = static_cast<WallMs>(reader.u64());
  reader.skip(host_bytes((message.sys_flag & kStoreHostIsV6) != 0));
  reader.skip(4 + 8);  // times consumed, transaction
  message.body = reader.bytes(reader.u32());
  message.topic = reader.bytes(magic == kMagic1 ? reader.u8() : reader.u16());
  message.properties = reader.bytes(reader.u16());
  if (reader.failed() || (magic != kMagic1 && magic != kMagic2)) {
    failed_ = true;
    return std::nullopt;
  }
  return message;
}

std::string_view property_of(std::string_view properties, std::string_view name) noexcept {
  while (!properties.empty()) {
    const std::size_t end = properties.find('\2');
    const std::string_view piece = properties.substr(0, end);
    if (piece.size() > name.size() && piece[name.size()] == '\1' && piece.substr(0, name.size()) == name) {
      return piece.substr(name.size() + 1);
    }
    properties.remove_prefix(end == std::string_view::npos ? properties.size() : end + 1);
  }
  return {};
}

// i32 size, i32 magic (0), i32 check sum (0), i32 flag, i32 length + body, i16 length + properties.
void append_to_batch(std::string& batch, std::string_view body, std::string_view properties) {
  append_u32(batch, static_cast<std::uint32_t>(batch_bytes(body.size(), properties.size())));
  append_u32(batch, 0);
  append_u32(batch, 0);
  append_u32(batch, 0);
  append_u32(batch, static_cast<std::uint32_t>(body.size()));
  batch += body;
  append_u16(batch, static_cast<std::uint16_t>(properties.size()));
  batch += properties;
}

}  // namespace pushwire::bus::rocketmq
