#include "api/metrics_page.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <sstream>
#include <string>

#include "api/process_metrics.h"
#include "api/routes.h"
#include "base/log.h"
#include "metrics/catalog.h"
#include "protocol/disconnect.h"

namespace pushwire::api {
namespace {

using metrics::WorkerStats;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
namespace family = metrics::family;

using Labels = std::vector<ClientMetric::Label>;

std::string text(std::string_view view) {
  return std::string(view);
}

class Page {
 public:
  explicit Page(const NodeView& node) : node_(node) {}

  void open(const metrics::Family& family, MetricType type) {
    families_.push_back({text(family.name), text(family.help), type, {}});
  }
  void add(Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    (families_.back().type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    families_.back().metric.push_back(std::move(metric));
  }
  void gauge(const metrics::Family& family, double value) {
    open(family, MetricType::Gauge);
    add({}, value);
  }
  void counter(const metrics::Family& family, double value) {
    open(family, MetricType::Counter);
    add({}, value);
  }
  // Sum of a counter over all workers.
  template <class Read>
  double sum(Read&& read) const {
    std::uint64_t total = 0;
    for (const WorkerView& worker : node_.workers) {
      total += read(*worker.stats).value();
    }
    return static_cast<double>(total);
  }
  // One series per name of a closed list.
  template <class Names, class Read>
  void counters(const metrics::Family& family, std::string_view label, const Names& names, Read&& read) {
    open(family, MetricType::Counter);
    for (std::size_t i = 0; i < names.size(); ++i) {
      add({{text(label), text(names[i])}}, sum([&](const WorkerStats& stats) -> auto& { return read(stats)[i]; }));
    }
  }
  template <class Read>
  void per_worker(const metrics::Family& family, Read&& read) {
    open(family, MetricType::Gauge);
    for (std::size_t i = 0; i < node_.workers.size(); ++i) {
      add({{"worker", std::to_string(i)}}, read(node_.workers[i]));
    }
  }
  void push_seconds();
  void pushes();
  void api_requests();
  void disconnects();
  std::string serialize() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return out.str();
  }

 private:
  const NodeView& node_;
  std::vector<MetricFamily> families_;
};

void Page::push_seconds() {
  open(family::kPushSeconds, MetricType::Histogram);
  ClientMetric metric;
  double sum_seconds = 0;
  for (const WorkerView& worker : node_.workers) {
    sum_seconds += worker.stats->push_seconds.sum_seconds();
  }
  std::uint64_t cumulative = 0;
  const auto& bounds = metrics::Histogram::kBoundsSeconds;
  for (std::size_t i = 0; i <= bounds.size(); ++i) {
    for (const WorkerView& worker : node_.workers) {
      cumulative += worker.stats->push_seconds.bucket(i);
    }
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = sum_seconds;
  families_.back().metric.push_back(std::move(metric));
}

void Page::pushes() {
  open(family::kPushes, MetricType::Counter);
  for (std::size_t target = 0; target < metrics::kPushTargetNames.size(); ++target) {
    for (std::size_t result = 0; result < metrics::kPushResultNames.size(); ++result) {
      add({{"target", text(metrics::kPushTargetNames[target])}, {"result", text(metrics::kPushResultNames[result])}},
          sum([&](const WorkerStats& stats) -> auto& { return stats.pushes[target][result]; }));
    }
  }
}

void Page::api_requests() {
  open(family::kApiRequests, MetricType::Counter);
  for (std::size_t route = 0; route <= kUnknownRoute; ++route) {
    const std::string_view pattern = route == kUnknownRoute ? std::string_view("other") : kRoutes[route].pattern;
    for (std::size_t status = 0; status < metrics::kStatuses.size(); ++status) {
      const double value = sum([&](const WorkerStats& stats) -> auto& { return stats.api_requests[route][status]; });
      // The rare ones are shown once they happened: 200 series of zeros help nobody.
      if (value > 0 || metrics::kStatuses[status] == (route == kUnknownRoute ? 404U : 200U)) {
        add({{"route", text(pattern)}, {"status", std::to_string(metrics::kStatuses[status])}}, value);
      }
    }
  }
}

void Page::disconnects() {
  static_assert(protocol::kDisconnects.size() <= WorkerStats::kMaxDisconnects);
  open(family::kDisconnects, MetricType::Counter);
  for (std::size_t i = 0; i < protocol::kDisconnects.size(); ++i) {
    add({{"code", text(protocol::kDisconnects[i].label)}},
        sum([&](const WorkerStats& stats) -> auto& { return stats.disconnects[i]; }));
  }
}

void add_connections(Page& page, const NodeView& node) {
  const NodeTotals totals = totals_of(node);
  page.gauge(family::kConnections, static_cast<double>(totals.connections));
  page.gauge(family::kUsers, static_cast<double>(totals.users));
  page.gauge(family::kTopics, static_cast<double>(node.counts->topics.topics()));
  page.gauge(family::kSubscriptions, static_cast<double>(totals.subscriptions));
  page.gauge(family::kPendingHandshakes, static_cast<double>(totals.pending_handshakes));
  page.counters(
      family::kHandshakes, "result", metrics::kHandshakeResultNames,
      [](const WorkerStats& stats) -> auto& { return stats.handshakes; });
  page.disconnects();
  page.counter(family::kEvictions, page.sum([](const WorkerStats& stats) -> auto& { return stats.evictions; }));
}

void add_delivery(Page& page, const NodeView& node) {
  page.pushes();
  page.counter(family::kDeliveries, page.sum([](const WorkerStats& stats) -> auto& { return stats.deliveries; }));
  page.counters(
      family::kDrops, "reason", metrics::kDropReasonNames,
      [](const WorkerStats& stats) -> auto& { return stats.drops; });
  page.push_seconds();
  page.api_requests();
  page.per_worker(family::kOutboxBytes,
                  [](const WorkerView& w) { return static_cast<double>(w.stats->outbox_bytes.value()); });
  page.per_worker(family::kMailboxBytes, [](const WorkerView& w) { return static_cast<double>(w.mailbox->bytes()); });
  page.per_worker(family::kLoopBusy, [](const WorkerView& w) { return w.loop->busy_ratio(); });
  page.counter(family::kDedupForgotten, static_cast<double>(node.dedup->forgotten()));
}

void add_bus(Page& page, const NodeView& node) {
  const hub::DispatchCounters& counters = node.dispatcher->counters();
  const bus::BusCounters& own = node.bus->counters();
  page.gauge(family::kBusUp, node.bus->health().up ? 1 : 0);
  page.open(family::kBusPublish, MetricType::Counter);
  for (std::size_t i = 0; i < metrics::kPublishResultNames.size(); ++i) {
    page.add({{"result", text(metrics::kPublishResultNames[i])}}, static_cast<double>(counters.publish[i].load()));
  }
  page.counter(family::kBusReceive, static_cast<double>(counters.received.load()));
  page.gauge(family::kBusLag, static_cast<double>(counters.lag_ms.load()) / 1000.0);
  page.counter(family::kBusGaps, static_cast<double>(own.gaps.load()));
  page.counter(family::kBusMissed, static_cast<double>(own.missed.load()));
  page.counter(family::kBusRepeated, static_cast<double>(own.repeated.load() + counters.repeated.load()));
  page.counter(family::kBusUnreadable, static_cast<double>(own.unreadable.load()));
  page.counter(family::kBusStale, static_cast<double>(own.stale.load()));
  page.counter(family::kBusReconnects, static_cast<double>(own.reconnects.load()));
  page.gauge(family::kBusWaiting, static_cast<double>(own.waiting_bytes.load()));
  page.gauge(family::kClusterNodes, static_cast<double>(node.cluster == nullptr ? 1 : node.cluster->living()));
}

void add_process(Page& page, const NodeView& node) {
  const ProcessNumbers process = read_process_numbers();
  page.open(family::kBuildInfo, MetricType::Gauge);
  page.add({{"version", node.version}, {"commit", node.commit}, {"io", node.io}}, 1);
  page.gauge(family::kReloadSuccess, node.reload_ok.load() ? 1 : 0);
  page.counter(family::kLostLogLines, static_cast<double>(lost_log_lines()));
  page.counter(family::kCpuSeconds, process.cpu_seconds);
  page.gauge(family::kResidentBytes, static_cast<double>(process.resident_bytes));
  page.gauge(family::kVirtualBytes, static_cast<double>(process.virtual_bytes));
  page.gauge(family::kOpenFds, static_cast<double>(process.open_fds));
  page.gauge(family::kMaxFds, static_cast<double>(process.max_fds));
  page.gauge(family::kStartTime, static_cast<double>(node.started_at) / 1000.0);
}

}  // namespace

http::Response metrics_page(const NodeView& node) {
  Page page(node);
  add_connections(page, node);
  add_delivery(page, node);
  add_bus(page, node);
  add_process(page, node);
  http::Response response = http::Response::json(200, page.serialize());
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return response;
}

}  // namespace pushwire::api
