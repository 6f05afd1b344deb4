#include "api/node_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

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

// `age_ms`: since it was last heard of.
template <class N, class T>
std::string node_json(std::string_view name, std::string_view version, N connections, N users, T uptime, bool self,
                      bool draining, std::int64_t age_ms) {
  return fmt::format(
      R"({{"name":{},"version":{},"connections":{},"users":{},"uptime_s":{},"self":{},"draining":{},"age_ms":{}}})",
      quoted(name), quoted(version), connections, users, uptime, self, draining, age_ms);
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
  struct Row {
    std::string_view name;
    std::string json;
  };
  std::vector<Row> rows;
  const NodeTotals totals = totals_of(node);
  rows.push_back({node.name, node_json(node.name, node.version, totals.connections, totals.users, uptime_s(node), true,
                                       node.draining.load(std::memory_order_relaxed), 0)});
  const std::vector<hub::Member> others = node.cluster != nullptr ? node.cluster->others() : std::vector<hub::Member>();
  for (const hub::Member& other : others) {
    const auto age_ms = std::max<std::int64_t>(node.cluster->now() - other.heard_at, 0);
    const auto uptime_ms = other.state.uptime_ms + static_cast<std::uint64_t>(age_ms);
    rows.push_back({other.name, node_json(other.name, other.state.version, other.state.connections, other.state.users,
                                          uptime_ms / 1000, false, other.state.draining, age_ms)});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& left, const Row& right) { return left.name < right.name; });
  std::string out = R"({"nodes":[)";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out += i == 0 ? "" : ",";
    out += rows[i].json;
  }
  out += "]}";
  return http::Response::json(200, std::move(out));
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
