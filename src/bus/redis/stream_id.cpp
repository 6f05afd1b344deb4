#include "bus/redis/stream_id.h"

#include <charconv>

namespace pushwire::bus::redis {
namespace {

bool parse_number(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string StreamId::to_string() const {
  return std::to_string(ms) + "-" + std::to_string(sequence);
}

std::optional<StreamId> parse_stream_id(std::string_view text) {
  StreamId id;
  const std::size_t dash = text.find('-');
  if (dash == text.npos || !parse_number(text.substr(0, dash), id.ms) ||
      !parse_number(text.substr(dash + 1), id.sequence)) {
    return std::nullopt;
  }
  return id;
}

}  // namespace pushwire::bus::redis
