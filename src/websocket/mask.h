// Removes the mask of client frames (RFC 6455 5.3). Pure function; any thread.
#pragma once

#include <array>
#include <span>

namespace pushwire::websocket {

using MaskKey = std::array<char, 4>;

// Unmasks `bytes` in place, eight at a time, the first one with key[0]. Returns the key turned so that its first byte
// belongs to the byte that follows: a payload that arrives in pieces needs no separate offset into the key.
[[nodiscard]] MaskKey unmask(std::span<char> bytes, MaskKey key) noexcept;

}  // namespace pushwire::websocket
