// Big-endian numbers, as RocketMQ writes them, and a reader that never reads past its end.
// Functions and a value; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pushwire::bus::rocketmq {

inline std::uint64_t load_big_endian(const char* from, std::size_t bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t at = 0; at < bytes; ++at) {
    value = value << 8 | static_cast<unsigned char>(from[at]);
  }
  return value;
}
inline std::uint32_t load_u32(const char* from) noexcept {
  return static_cast<std::uint32_t>(load_big_endian(from, 4));
}
inline void store_u32(char* to, std::uint32_t value) noexcept {
  for (std::size_t at = 0; at < 4; ++at) {
    to[at] = static_cast<char>(value >> (24 - 8 * at) & 0xFF);
  }
}
inline void append_u32(std::string& out, std::uint32_t value) {
  char bytes[4];
  store_u32(bytes, value);
  out.append(bytes, sizeof bytes);
}
inline void append_u16(std::string& out, std::uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xFF);
}

// After a read past the end all reads give zero and nothing, and failed() tells.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) noexcept : bytes_(bytes) {}

  std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() noexcept { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() noexcept { return number(8); }
  std::string_view bytes(std::size_t count) noexcept {
    if (failed_ || count > bytes_.size()) {
      failed_ = true;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  void skip(std::size_t count) noexcept { (void)bytes(count); }
  std::size_t left() const noexcept { return failed_ ? 0 : bytes_.size(); }
  bool failed() const noexcept { return failed_; }

 private:
  std::uint64_t number(std::size_t size) noexcept {
    const std::string_view taken = bytes(size);
    return load_big_endian(taken.data(), taken.size());
  }

  std::string_view bytes_;
  bool failed_ = false;
};

}  // namespace pushwire::bus::rocketmq
