// StreamId: the place of an entry in a Redis stream
// (https://redis.io/docs/latest/develop/data-types/streams/#entry-ids): the server's wall clock in milliseconds and a
// number within it. A value; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pushwire::bus::redis {

struct StreamId {
  std::uint64_t ms = 0;
  std::uint64_t sequence = 0;
  auto operator<=>(const StreamId&) const = default;
  // "1700000000000-0". 0-0 is before every entry.
  std::string to_string() const;
};

std::optional<StreamId> parse_stream_id(std::string_view text);

}  // namespace pushwire::bus::redis
