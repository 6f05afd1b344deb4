#include "api/metrics_page.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cctype>
#include <map>
#include <set>
#include <stdexcept>

#include "api/api_test_support.h"
#include "api/process_metrics.h"

namespace pushwire::api {
namespace {

using test::ApiRig;

struct Series {
  std::map<std::string, std::string> labels;
  double value = 0;
};
struct Family {
  std::string type;
  std::vector<Series> series;                           // of counters and gauges
  std::vector<std::pair<std::string, double>> buckets;  // of a histogram, le and value, in order
  double sum = -1;
  double count = -1;
};

// Reads the text format strictly: HELP, TYPE, then only series of that family. Whatever else throws.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::map<std::string, Family> read() {
    while (!rest_.empty()) {
      const std::string name = word_after("# HELP ");
      EXPECT_FALSE(line().empty()) << name;  // the help itself
      EXPECT_EQ(word_after("# TYPE "), name);
      Family& family = families_[name];
      EXPECT_TRUE(family.type.empty()) << name << " comes twice";
      family.type = line();
      while (!rest_.empty() && rest_.front() != '#') {
        read_series(name, family);
      }
    }
    return families_;
  }

 private:
  std::string take(std::size_t size) {
    std::string taken(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return taken;
  }
  std::string line() {
    std::string taken = take(rest_.find('\n'));
    rest_.remove_prefix(1);
    return taken;
  }
  void expect(std::string_view text) {
    if (!rest_.starts_with(text)) {
      throw std::runtime_error(fmt::format("expected {} at {}", text, rest_.substr(0, 60)));
    }
    rest_.remove_prefix(text.size());
  }
  std::string name() {
    const auto is_name = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':';
    };
    std::size_t size = 0;
    while (size < rest_.size() && is_name(rest_[size])) {
      ++size;
    }
    EXPECT_GT(size, 0U) << rest_.substr(0, 60);
    return take(size);
  }
  std::string word_after(std::string_view prefix) {
    expect(prefix);
    std::string word = name();
    expect(" ");
    return word;
  }
  std::string label_value() {
    std::string value;
    expect("\"");
    while (!rest_.starts_with('"')) {
      char c = rest_.at(0);
      rest_.remove_prefix(1);
      if (c == '\\') {
        const char escaped = rest_.at(0);
        rest_.remove_prefix(1);
        if (escaped != 'n' && escaped != '\\' && escaped != '"') {
          throw std::runtime_error("bad escape");
        }
        c = escaped == 'n' ? '\n' : escaped;
      } else if (c == '\n') {
        throw std::runtime_error("line feed in a label");
      }
      value += c;
    }
    expect("\"");
    return value;
  }
  void read_series(const std::string& family_name, Family& family) {
    const std::string full = name();
    Series series;
    if (rest_.starts_with('{')) {
      expect("{");
      while (!rest_.starts_with('}')) {
        const std::string label = name();
        expect("=");
        EXPECT_TRUE(series.labels.emplace(label, label_value()).second) << full;
        if (!rest_.starts_with('}')) {
          expect(",");
        }
      }
      expect("}");
    }
    expect(" ");
    std::size_t used = 0;
    const std::string number = line();
    series.value = std::stod(number, &used);
    EXPECT_EQ(used, number.size()) << number;
    const std::string suffix = full.substr(std::min(full.size(), family_name.size()));
    EXPECT_TRUE(full.starts_with(family_name)) << full;
    if (family.type != "histogram") {
      EXPECT_EQ(suffix, "");
      family.series.push_back(std::move(series));
    } else if (suffix == "_bucket") {
      family.buckets.emplace_back(series.labels.at("le"), series.value);
    } else {
      (suffix == "_sum" ? family.sum : family.count) = series.value;
    }
  }

  std::string_view rest_;
  std::map<std::string, Family> families_;
};

class MetricsPage : public ::testing::Test {
 protected:
  std::map<std::string, Family> read() { return Reader(metrics_page(rig_.view).body).read(); }
  static double sum(const Family& family) {
    double all = 0;
    for (const Series& series : family.series) {
      all += series.value;
    }
    return all;
  }
  static double value(const Family& family, const std::map<std::string, std::string>& labels) {
    for (const Series& series : family.series) {
      if (series.labels == labels) {
        return series.value;
      }
    }
    return -1;
  }

  bus::EmbeddedBus bus_;
  ApiRig rig_{bus_, 2};
};

TEST_F(MetricsPage, AllFamiliesAreThereFromTheStart) {
  const auto families = read();
  const std::map<std::string, std::string> wanted = {{"pushwire_connections", "gauge"},
                                                     {"pushwire_users", "gauge"},
                                                     {"pushwire_topics", "gauge"},
                                                     {"pushwire_subscriptions", "gauge"},
                                                     {"pushwire_handshakes_total", "counter"},
                                                     {"pushwire_disconnects_total", "counter"},
                                                     {"pushwire_evictions_total", "counter"},
                                                     {"pushwire_pushes_total", "counter"},
                                                     {"pushwire_deliveries_total", "counter"},
                                                     {"pushwire_drops_total", "counter"},
                                                     {"pushwire_push_seconds", "histogram"},
                                                     {"pushwire_api_requests_total", "counter"},
                                                     {"pushwire_outbox_bytes", "gauge"},
                                                     {"pushwire_mailbox_bytes", "gauge"},
                                                     {"pushwire_loop_busy_ratio", "gauge"},
                                                     {"pushwire_bus_up", "gauge"},
                                                     {"pushwire_bus_publish_total", "counter"},
                                                     {"pushwire_bus_receive_total", "counter"},
                                                     {"pushwire_bus_lag_seconds", "gauge"},
                                                     {"pushwire_bus_gaps_total", "counter"},
                                                     {"pushwire_bus_missed_total", "counter"},
                                                     {"pushwire_bus_repeated_total", "counter"},
                                                     {"pushwire_bus_unreadable_total", "counter"},
                                                     {"pushwire_bus_stale_total", "counter"},
                                                     {"pushwire_bus_reconnects_total", "counter"},
                                                     {"pushwire_bus_waiting_bytes", "gauge"},
                                                     {"pushwire_cluster_nodes", "gauge"},
                                                     {"pushwire_build_info", "gauge"},
                                                     {"pushwire_config_reload_success", "gauge"},
                                                     {"process_cpu_seconds_total", "counter"},
                                                     {"process_resident_memory_bytes", "gauge"},
                                                     {"process_virtual_memory_bytes", "gauge"},
                                                     {"process_open_fds", "gauge"},
                                                     {"process_max_fds", "gauge"},
                                                     {"process_start_time_seconds", "gauge"},
                                                     {"pushwire_pending_handshakes", "gauge"},
                                                     {"pushwire_dedup_forgotten_total", "counter"},
                                                     {"pushwire_lost_log_lines_total", "counter"}};
  for (const auto& [name, type] : wanted) {
    ASSERT_TRUE(families.contains(name)) << name;
    EXPECT_EQ(families.at(name).type, type) << name;
    EXPECT_TRUE(type == "histogram" || !families.at(name).series.empty()) << name;
  }
  EXPECT_EQ(families.size(), wanted.size());
}

TEST_F(MetricsPage, EverySeriesComesOnce) {
  for (const auto& [name, family] : read()) {
    std::set<std::map<std::string, std::string>> seen;
    for (const Series& series : family.series) {
      EXPECT_TRUE(seen.insert(series.labels).second) << name;
    }
  }
}

TEST_F(MetricsPage, IsServedAsTextWithItsVersion) {
  EXPECT_NE(rig_.raw(ApiRig::get("/metrics")).find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            std::string::npos);
}

TEST_F(MetricsPage, LabelsAreEscaped) {
  EXPECT_EQ(read().at("pushwire_build_info").series.at(0).labels,
            (std::map<std::string, std::string>{{"version", "0.1.0"}, {"commit", "a\\b\"c\nd"}, {"io", "epoll"}}));
}

TEST_F(MetricsPage, CountersAreSumsOverTheWorkers) {
  rig_.seats[0]->stats.deliveries.add(3);
  rig_.seats[1]->stats.deliveries.add(4);
  rig_.seats[1]->stats.drop(metrics::DropReason::kExpired, 2);
  rig_.seats[1]->stats.handshake(metrics::HandshakeResult::kTokenExpired);
  rig_.seats[1]->stats.push(metrics::PushTarget::kTopic, metrics::PushResult::kDuplicate);
  rig_.seats[1]->stats.connections.add(5);
  rig_.seats[1]->stats.outbox_bytes.set(9);
  rig_.view.reload_ok = false;
  const auto families = read();
  EXPECT_EQ(sum(families.at("pushwire_deliveries_total")), 7);
  EXPECT_EQ(value(families.at("pushwire_drops_total"), {{"reason", "expired"}}), 2);
  EXPECT_EQ(value(families.at("pushwire_handshakes_total"), {{"result", "token_expired"}}), 1);
  EXPECT_EQ(value(families.at("pushwire_pushes_total"), {{"target", "topic"}, {"result", "duplicate"}}), 1);
  EXPECT_EQ(value(families.at("pushwire_connections"), {}), 5);
  EXPECT_EQ(value(families.at("pushwire_outbox_bytes"), {{"worker", "1"}}), 9);
  EXPECT_EQ(value(families.at("pushwire_config_reload_success"), {}), 0);
  EXPECT_EQ(value(families.at("pushwire_bus_up"), {}), 1);
  bus_.stop();
  EXPECT_EQ(value(read().at("pushwire_bus_up"), {}), 0);
  EXPECT_EQ(value(families.at("pushwire_cluster_nodes"), {}), 1) << "alone";
}

TEST(MetricsPageOfABus, ShowsWhatTheBusCountsAboutItself) {
  test::ScriptedBus bus;
  ApiRig rig(bus);
  bus.counts.repeated = 2;
  bus.counts.unreadable = 3;
  bus.counts.stale = 4;
  bus.counts.reconnects = 5;
  bus.counts.waiting_bytes = 6;
  const std::string page = rig.raw(ApiRig::get("/metrics"));
  for (const std::string_view line :
       {"\npushwire_bus_repeated_total 2\n", "\npushwire_bus_unreadable_total 3\n", "\npushwire_bus_stale_total 4\n",
        "\npushwire_bus_reconnects_total 5\n", "\npushwire_bus_waiting_bytes 6\n"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line;
  }
}

TEST_F(MetricsPage, RequestsAreCountedByPatternAndStatus) {
  (void)rig_.ask(ApiRig::get("/v1/users/%zz"));
  (void)rig_.ask(ApiRig::get("/nothing"));
  const auto families = read();
  const Family& requests = families.at("pushwire_api_requests_total");
  EXPECT_EQ(value(requests, {{"route", "/v1/users/{id}"}, {"status", "400"}}), 1);
  EXPECT_EQ(value(requests, {{"route", "/v1/users/{id}"}, {"status", "200"}}), 0);
  EXPECT_EQ(value(requests, {{"route", "other"}, {"status", "404"}}), 1);
}

TEST_F(MetricsPage, HistogramIsCumulativeAndAgreesWithItself) {
  for (const std::int64_t ns : {1'000, 80'000, 80'000, 3'000'000}) {
    rig_.seats[0]->stats.push_seconds.observe_ns(ns);
  }
  rig_.seats[1]->stats.push_seconds.observe_ns(20'000'000'000);
  const Family histogram = read().at("pushwire_push_seconds");
  ASSERT_EQ(histogram.buckets.size(), metrics::Histogram::kBoundsSeconds.size() + 1);
  for (std::size_t i = 1; i < histogram.buckets.size(); ++i) {
    EXPECT_LE(histogram.buckets[i - 1].second, histogram.buckets[i].second);
  }
  EXPECT_EQ(histogram.buckets.front().second, 1);
  EXPECT_EQ(histogram.buckets[1].second, 3);
  EXPECT_EQ(histogram.buckets[histogram.buckets.size() - 2].second, 4);
  EXPECT_EQ(histogram.buckets.back().first, "+Inf");
  EXPECT_EQ(histogram.buckets.back().second, 5);
  EXPECT_EQ(histogram.count, 5);
  EXPECT_NEAR(histogram.sum, 20.003161, 1e-9);
}

TEST(ProcessMetrics, AreThoseOfThisProcess) {
  const ProcessNumbers before = read_process_numbers();
  EXPECT_GT(before.cpu_seconds, 0);
  EXPECT_GT(before.resident_bytes, 1U << 20);
  EXPECT_GE(before.virtual_bytes, before.resident_bytes);
  EXPECT_GE(before.max_fds, before.open_fds);
  const net::Fd one(::dup(1));
  const net::Fd two(::dup(1));
  EXPECT_EQ(read_process_numbers().open_fds, before.open_fds + 2);
}

}  // namespace
}  // namespace pushwire::api
