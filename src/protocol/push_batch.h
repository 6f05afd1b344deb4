// The two forms of POST /v1/push/batch: a JSON object with a list of pushes, and one push a line (NDJSON).
// Values over the request body, which must outlive them; any thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/push_request.h"

namespace pushwire::protocol {

inline constexpr std::size_t kMaxBatchPushes = 1000;

// In the order of the request. One that is no valid push is told in its own place and spoils no other.
using PushBatch = std::vector<Result<PushRequest, PushError>>;

// {"pushes":[...]}. The error is that of the whole request. Fields of items begin with "pushes[N]".
Result<PushBatch, PushError> parse_batch(std::string_view body);

// Lines end with LF or CRLF, blank ones do not count. A line that is no JSON gets its own 400; bytes count in the line.
Result<PushBatch, PushError> parse_ndjson_batch(std::string_view body);

}  // namespace pushwire::protocol
