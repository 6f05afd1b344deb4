// Ledger: which message reached which connection. Every stream numbers its messages from 1, so that a gap, a repeat
// and a late one can be told apart at once with a few bytes per connection. Thread: the client process's only one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "bench/stamp.h"

namespace pushwire::bench {

enum class Verdict : std::uint8_t {
  kInOrder,
  kLate,  // a later message of its stream came before it
  kDuplicate,
};

class Ledger {
 public:
  explicit Ledger(std::size_t connections) : highest_(connections) {}

  // Requires: number > 0.
  Verdict take(std::size_t connection, Stream stream, std::uint32_t number);

  // Messages of 1..published that `connection` did not get. `excused`: those whose publisher got no 2xx.
  std::uint64_t lost(std::size_t connection, Stream stream, std::uint32_t published,
                     const std::unordered_set<std::uint32_t>& excused) const;

 private:
  static std::uint64_t key(std::size_t connection, Stream stream, std::uint32_t number) noexcept {
    return std::uint64_t{connection} << 33 | std::uint64_t{stream == Stream::kUser} << 32 | number;
  }
  static std::size_t row(Stream stream) noexcept { return stream == Stream::kUser ? 1 : 0; }

  std::vector<std::array<std::uint32_t, 2>> highest_;  // per connection and stream
  std::unordered_set<std::uint64_t> gaps_;             // not yet seen, below the highest
};

}  // namespace pushwire::bench
