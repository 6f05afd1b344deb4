#include "api/node_api.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/exchange.h"
#include "base/check.h"
#include "base/json_writer.h"
#include "web_assets.h"

namespace pushwire::api {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  json_append_string(out, text);
  return out;
}

std::int64_t uptime_s(const NodeView& node) {
  return std::max<std::int64_t>(wall_ms() - node.started_at, 0) / 1000;
}

std::string_view type_of(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".yaml", "application/yaml"},
  };
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) {
      return type;
    }
  }
  return "application/octet-stream";
}

}  // namespace

std::optional<NotReady> why_not_ready(const NodeView& node) {
  if (node.draining.load(std::memory_order_relaxed)) {
    return NotReady{"draining", "this node is shutting down"};
  }
  const bus::Health health = node.bus->health();
  if (!health.up) {
    return NotReady{"bus_down", health.reason};
  }
  return std::nullopt;
}

http::Response health_page() {
  return http::Response::json(200, R"({"status":"ok"})");
}

http::Response ready_page(const NodeView& node) {
  const auto reason = why_not_ready(node);
  return reason ? unavailable(reason->code, reason->message) : health_page();
}

http::Response nodes_page(const NodeView& node) {
  const NodeTotals totals = totals_of(node);
  return http::Response::json(
      200,
      fmt::format(R"({{"nodes":[{{"name":{},"version":{},"connections":{},"users":{},"uptime_s":{},"self":true}}]}})",
                  quoted(node.name), quoted(node.version), totals.connections, totals.users, uptime_s(node)));
}

http::Response stats_page(const NodeView& node) {
  const NodeTotals totals = totals_of(node);
  std::string out = fmt::format(
      R"({{"node":{},"version":{},"uptime_s":{},"connections":{},"users":{},"topics":{},"subscriptions":{},"draining":{},"workers":[)",
      quoted(node.name), quoted(node.version), uptime_s(node), totals.connections, totals.users,
      node.counts->topics.topics(), totals.subscriptions, node.draining.load(std::memory_order_relaxed));
  for (std::size_t i = 0; i < node.workers.size(); ++i) {
    const WorkerView& worker = node.workers[i];
    out += fmt::format(
        R"({}{{"worker":{},"connections":{},"users":{},"mailbox_bytes":{},"outbox_bytes":{},"loop_busy_ratio":{:.3f}}})",
        i == 0 ? "" : ",", i, worker.stats->connections.value(), worker.stats->users.value(), worker.mailbox->bytes(),
        worker.stats->outbox_bytes.value(), worker.loop->busy_ratio());
  }
  out += "]}";
  return http::Response::json(200, std::move(out));
}

http::Response asset_page(std::string_view name) {
  const auto assets = web::assets();
  const auto found = std::find_if(assets.begin(), assets.end(), [&](const web::Asset& a) { return a.name == name; });
  PW_CHECK(found != assets.end());
  return http::Response::page(type_of(name), found->bytes);
}

}  // namespace pushwire::api
