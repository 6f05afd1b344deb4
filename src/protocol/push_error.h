// PushError: why a push is refused, as the API answers it (docs/openapi.yaml), and the refusals that every object of
// a push shares. Values, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "base/result.h"
#include "protocol/members.h"

namespace pushwire::protocol {

struct PushError {
  int status = 422;                 // 400 or 422
  std::string_view code;            // one of the constants below
  std::string message;              // for people
  std::string field;                // "to.users[3]"; empty when no field is to blame
  std::optional<std::size_t> byte;  // with 400: offset in the body (NDJSON: in the line)
};

inline constexpr std::string_view kBadJson = "bad_json";                  // 400
inline constexpr std::string_view kDuplicateMember = "duplicate_member";  // 400
inline constexpr std::string_view kInvalid = "invalid";                   // 422

// Requires: reader.failed().
PushError bad_json(const JsonReader& reader);

tl::unexpected<PushError> invalid(std::string_view field, std::string_view message);

// A name that is there twice, if any. `prefix` is the place of the object, like "to."; bytes count from `body`.
std::optional<PushError> repeated_error(const MemberFaults& faults, std::string_view prefix, std::string_view body);
std::optional<PushError> unknown_error(const MemberFaults& faults, std::string_view prefix);

}  // namespace pushwire::protocol
