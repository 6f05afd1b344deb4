// What a parsed head must satisfy beyond the grammar, so that no other reader of the same bytes can see another
// request in them (RFC 9112 3.2, 6.1, 6.3, 11.2). Functions over views; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "http/request.h"
#include "http/request_parser.h"

namespace pushwire::http {

// Requires: method, method_text, version_minor, target and headers are set. Sets path, query, host, upgrade, has_body
// and expects_continue, or says why the request is refused.
std::optional<RequestError> apply_request_rules(Request& request, const ParserLimits& limits);

}  // namespace pushwire::http
