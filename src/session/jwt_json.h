// The JSON objects of tokens and key files, read strictly: exactly one object, valid UTF-8, bounded depth, and no
// member twice at any level (RFC 7515 5.2 and 10.12: two readers must not see two different tokens). Any thread. The
// object's memory comes from `memory`, which must outlive it.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/storage_ptr.hpp>
#include <optional>
#include <string_view>

namespace pushwire::session {

std::optional<boost::json::object> parse_strict_object(std::string_view text, boost::json::storage_ptr memory = {});

}  // namespace pushwire::session
