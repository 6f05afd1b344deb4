#include "base/utf8.h"

#include <cstring>

namespace pushwire {
namespace {

constexpr std::uint8_t kFault = 0xff;

// Length of the run of ASCII bytes at `data`, eight at a time.
std::size_t ascii_run(const char* data, std::size_t size) noexcept {
  std::size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, data + at, sizeof word);
    if ((word & 0x8080808080808080ULL) != 0) {
      break;
    }
  }
  while (at < size && static_cast<unsigned char>(data[at]) < 0x80) {
    ++at;
  }
  return at;
}

}  // namespace

bool Utf8Validator::feed(std::string_view bytes) noexcept {
  std::size_t at = 0;
  while (at < bytes.size() && state_ != kFault) {
    if (state_ == 0) {
      at += ascii_run(bytes.data() + at, bytes.size() - at);
      if (at == bytes.size()) {
        break;
      }
    }
    const auto byte = static_cast<std::uint8_t>(bytes[at++]);
    if (state_ != 0) {
      state_ = byte < low_ || byte > high_ ? kFault : static_cast<std::uint8_t>(state_ - 1);
      low_ = 0x80;
      high_ = 0xbf;
    } else if (byte >= 0xc2 && byte <= 0xdf) {
      state_ = 1;
    } else if (byte >= 0xe0 && byte <= 0xef) {
      state_ = 2;
      low_ = byte == 0xe0 ? 0xa0 : 0x80;   // no overlong form
      high_ = byte == 0xed ? 0x9f : 0xbf;  // no surrogate
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      state_ = 3;
      low_ = byte == 0xf0 ? 0x90 : 0x80;
      high_ = byte == 0xf4 ? 0x8f : 0xbf;  // nothing above U+10FFFF
    } else {
      state_ = kFault;
    }
  }
  return state_ != kFault;
}

bool is_valid_utf8(std::string_view bytes) noexcept {
  Utf8Validator validator;
  return validator.feed(bytes) && validator.complete();
}

}  // namespace pushwire
