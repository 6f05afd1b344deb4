// NodeApi: what a node says about itself: nodes, stats, health, readiness, and its static files.
// Pure reading of a NodeView; any thread.
#pragma once

#include <optional>
#include <string>

#include "api/node_view.h"
#include "http/response.h"

namespace pushwire::api {

// Why the node cannot take clients and deliver right now; nothing when it can.
struct NotReady {
  std::string_view code;
  std::string message;
};
std::optional<NotReady> why_not_ready(const NodeView& node);

http::Response health_page();
http::Response ready_page(const NodeView& node);
http::Response nodes_page(const NodeView& node);
http::Response stats_page(const NodeView& node);
// A file compiled into the binary; Requires: it is there.
http::Response asset_page(std::string_view name);

}  // namespace pushwire::api
