// The body that `pushwire push` sends: DATA's very bytes inside the members of a push.
// Pure function, any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "server/command_line.h"

namespace pushwire::server {

// Fails when DATA is not one JSON value (unless it is text) or something is not UTF-8.
[[nodiscard]] Result<std::string> push_body(const PushCommand& command);

}  // namespace pushwire::server
