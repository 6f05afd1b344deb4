#include "session/jwt_json.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <utility>

namespace pushwire::session {
namespace {

constexpr std::size_t kMaxDepth = 8;

// Members as written. In JSON that is known to be well-formed each colon outside a string belongs to one member.
std::size_t count_written_members(std::string_view text) {
  std::size_t count = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;  // whatever is escaped ends no string
    } else if (c == '"') {
      in_string = !in_string;
    } else if (c == ':' && !in_string) {
      ++count;
    }
  }
  return count;
}

// Members that the parser kept: of two with one name it keeps the last. Recursion is bounded by kMaxDepth.
std::size_t count_kept_members(const boost::json::value& value) {
  std::size_t count = 0;
  if (const auto* object = value.if_object()) {
    count += object->size();
    for (const auto& member : *object) {
      count += count_kept_members(member.value());
    }
  } else if (const auto* array = value.if_array()) {
    for (const auto& item : *array) {
      count += count_kept_members(item);
    }
  }
  return count;
}

}  // namespace

std::optional<boost::json::object> parse_strict_object(std::string_view text, boost::json::storage_ptr memory) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::error_code error;
  boost::json::value value =
      boost::json::parse(boost::json::string_view(text.data(), text.size()), error, std::move(memory), options);
  if (error || !value.is_object() || count_kept_members(value) != count_written_members(text)) {
    return std::nullopt;
  }
  return std::move(value.get_object());
}

}  // namespace pushwire::session
