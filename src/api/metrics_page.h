// The answer of GET /metrics: all families of the catalog in Prometheus' text format 0.0.4, from the start.
// Reads counters that workers write without stopping them. Any thread.
#pragma once

#include "api/node_view.h"
#include "http/response.h"

namespace pushwire::api {

http::Response metrics_page(const NodeView& node);

}  // namespace pushwire::api
