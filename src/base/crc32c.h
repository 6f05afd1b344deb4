// CRC-32C (Castagnoli), as RFC 3720 section 12.1 defines it: tells damaged bytes from whole ones, not forged ones from
// true ones. By the processor's own instruction where it has one. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace pushwire {

std::uint32_t crc32c(std::string_view bytes) noexcept;

// The same without the instruction: what other processors use, and tests compare with.
std::uint32_t crc32c_portable(std::string_view bytes) noexcept;

}  // namespace pushwire
