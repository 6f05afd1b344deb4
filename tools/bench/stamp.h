// Stamp: what a message says about itself, as plain ASCII inside its payload, so that a receiver can account for it
// whatever envelope the server puts around it.
//
//   pwb1 RRRRRRRR S UUUUUUUU NNNNNNNN TTTTTTTTTTTTTTTT xxx…      (without the blanks; hexadecimal)
//        run      | user     number   time in ns       filling up to the wanted size
//                 stream: a(ll) or u(ser)
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pushwire::bench {

enum class Stream : std::uint8_t { kAll, kUser };

struct Stamp {
  std::uint32_t run = 0;  // tells this run's messages from those that a server kept from an earlier one
  Stream stream = Stream::kAll;
  std::uint32_t user = 0;    // kUser: whom it is for
  std::uint32_t number = 0;  // from 1, without gaps, per stream (and user)
  std::int64_t time_ns = 0;  // when it was due to be sent, by the monotonic clock of this host
};

inline constexpr std::size_t kStampBytes = 45;

// A payload of `size` bytes, or of kStampBytes if that is more.
std::string write_stamp(const Stamp& stamp, std::size_t size);

// The first stamp in `text`, which is moved past it; nothing when there is none.
std::optional<Stamp> next_stamp(std::string_view& text);

}  // namespace pushwire::bench
