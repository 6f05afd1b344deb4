#include "bench/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "bench/crew.h"
#include "bench/probe.h"
#include "bench/server_process.h"

namespace pushwire::bench {
namespace {

constexpr double kOpenSeconds = 90;
constexpr double kDuplicateSeconds = 0.2;  // duplicates come after everything has come

double per(double value, double count) {
  return count > 0 ? value / count : 0;
}

class Run {
 public:
  Run(const Plan& plan, Crew& crew, std::vector<int> pids) : plan_(plan), crew_(crew), pids_(std::move(pids)) {}

  Result<Outcome> execute();

 private:
  Result<> connect();
  Result<> idle();
  Result<> load();
  Result<> storms();
  Result<> storm(Usage& total);
  Result<> leave();
  void add_memory(std::string_view section);
  void add_load(const Usage& server, const Usage& clients, double seconds);
  void add_accounts();
  double count(std::atomic<std::uint64_t> LoaderStats::*counter) const {
    return static_cast<double>(crew_.sum(counter));
  }
  std::unique_ptr<Histogram> histogram(Histogram LoaderStats::*member) const {
    auto sum = std::make_unique<Histogram>();
    crew_.add_up(member, *sum);
    return sum;
  }

  const Plan& plan_;
  Crew& crew_;
  const std::vector<int> pids_;
  Usage empty_;
  double slowest_storm_ = 0;
  double wanted_ = 0;  // connections that should stand
  Report report_;
};

Result<Outcome> Run::execute() {
  const Options& options = plan_.options;
  report_.note("mode", options.mode_name);
  report_.note("target", plan_.nodes.front().url.authority);
  report_.add("load", "connections", options.connections);
  report_.add("load", "users", options.users);
  report_.add("load", "client_processes", static_cast<double>(crew_.pids().size()));
  Result<> done = crew_.perform(Phase::kWarmUp, kOpenSeconds, "warm-up");
  done = done ? crew_.rest(0.3, "warm-up") : done;
  done = done ? connect() : done;
  if (done && options.mode == Mode::kIdle) {
    done = idle();
  } else if (done && options.mode == Mode::kStorm) {
    done = storms();
  } else if (done && options.mode != Mode::kConnect) {
    done = load();
  }
  done = done && options.leave > 0 ? leave() : done;
  if (!done) {
    return tl::unexpected(Error{crew_.trouble().empty()
                                    ? done.error().message
                                    : fmt::format("{} ({})", done.error().message, crew_.trouble())});
  }
  add_accounts();
  const auto bad = [this](std::string_view name) { return report_.value("accounts", name) > 0; };
  const bool fine = !bad("lost") && !bad("duplicated") && !bad("misrouted") && !bad("refused") && !bad("unsent") &&
                    !bad("connections_failed") && !bad("connections_dropped") &&
                    !(options.strict_order && bad("out_of_order"));
  if (!fine && !crew_.trouble().empty()) {
    report_.note("first trouble", crew_.trouble());
  }
  return Outcome{std::move(report_), fine};
}

Result<> Run::connect() {
  empty_ = read_usage(pids_);
  const Usage clients = read_cpu(crew_.pids());
  if (const Result<> done = crew_.perform(Phase::kConnect, kOpenSeconds, "connecting"); !done) {
    return done;
  }
  const Usage server = read_cpu(pids_) - empty_;
  const double opened = count(&LoaderStats::opened);
  std::int64_t last = 0;
  for (std::size_t i = 0; i < crew_.pids().size(); ++i) {
    last = std::max(last, crew_.shared().loaders[i].last_ready_ns.load());
  }
  report_.add("handshake", "cpu_us", per(static_cast<double>(server.cpu_ns) / 1e3, opened));
  report_.add("handshake", "client_cpu_us",
              per(static_cast<double>((read_cpu(crew_.pids()) - clients).cpu_ns) / 1e3, opened));
  report_.add("handshake", "per_second", per(opened * 1e9, static_cast<double>(last - crew_.ordered_ns())));
  report_.add_latency("handshake", *histogram(&LoaderStats::handshake));
  wanted_ = opened;
  if (const Result<> rested = crew_.rest(plan_.options.settle_seconds, "settling"); !rested) {
    return rested;
  }
  add_memory("memory_idle");
  return {};
}

void Run::add_memory(std::string_view section) {
  const Usage now = read_usage(pids_);
  const Usage grown = now - empty_;
  if (!pids_.empty()) {
    report_.add(section, "pss_kib", static_cast<double>(now.pss_bytes) / 1024);
    report_.add(section, "user_kib_above_empty", static_cast<double>(grown.anonymous_bytes) / 1024);
    report_.add(section, "user_bytes_per_connection", per(static_cast<double>(grown.anonymous_bytes), wanted_));
  }
  report_.add(section, "slab_bytes_per_connection_both_ends", per(static_cast<double>(grown.slab_bytes), wanted_));
}

Result<> Run::idle() {
  const Usage before = read_cpu(pids_);
  if (const Result<> rested = crew_.rest(plan_.options.seconds, "idle"); !rested) {
    return rested;
  }
  const Usage used = read_cpu(pids_) - before;
  report_.add("idle", "seconds", plan_.options.seconds);
  report_.add("idle", "cpu_us_per_connection_and_minute",
              per(static_cast<double>(used.cpu_ns) / 1e3, wanted_) * 60 / plan_.options.seconds);
  return {};
}

Result<> Run::load() {
  if (const Result<> prepared = crew_.perform(Phase::kPrepare, 10, "preparing"); !prepared) {
    return prepared;
  }
  const Usage server_before = read_cpu(pids_);
  const Usage clients_before = read_cpu(crew_.pids());
  const double limit = plan_.load_seconds() + plan_.options.drain_seconds + 60;
  if (const Result<> done = crew_.perform(Phase::kLoad, limit, plan_.options.mode_name); !done) {
    return done;
  }
  const double seconds = static_cast<double>(monotonic_ns() - crew_.ordered_ns()) / 1e9;
  add_load(read_cpu(pids_) - server_before, read_cpu(crew_.pids()) - clients_before, seconds);
  if (const Result<> rested = crew_.rest(kDuplicateSeconds, "settling"); !rested) {
    return rested;
  }
  if (const Result<> done = crew_.perform(Phase::kAccount, 60, "accounting"); !done) {
    return done;
  }
  const Result<> rested = crew_.rest(plan_.options.settle_seconds, "settling");
  if (rested) {
    add_memory("memory_after");
  }
  return rested;
}

void Run::add_load(const Usage& server, const Usage& clients, double seconds) {
  const double delivered = count(&LoaderStats::delivered);
  const double answered = count(&LoaderStats::answered);
  const auto cpu_us = static_cast<double>(server.cpu_ns) / 1e3;
  report_.add("throughput", "seconds", seconds);
  report_.add("throughput", "requests_per_second", per(answered, seconds));
  report_.add("throughput", "deliveries_per_second", per(delivered, seconds));
  if (!pids_.empty()) {
    const auto ticks = static_cast<double>(server.user_ticks + server.system_ticks);
    report_.add("server_cpu", "us_per_delivery", per(cpu_us, delivered));
    report_.add("server_cpu", "us_per_request", per(cpu_us, answered));
    report_.add("server_cpu", "system_share", per(static_cast<double>(server.system_ticks), ticks));
    report_.add("server_cpu", "busy_share", per(cpu_us / 1e6, seconds));
  }
  report_.add("client_cpu", "us_per_delivery", per(static_cast<double>(clients.cpu_ns) / 1e3, delivered));
  report_.add("client_cpu", "busy_share", per(static_cast<double>(clients.cpu_ns) / 1e9, seconds));
  report_.add_latency("request", *histogram(&LoaderStats::request));
  report_.add_latency("push_delivery", *histogram(&LoaderStats::push_delivery));
  report_.add_latency("broadcast_delivery", *histogram(&LoaderStats::broadcast_delivery));
}

Result<> Run::storms() {
  Usage total;
  for (std::uint32_t round = 0; round < plan_.options.rounds; ++round) {
    if (const Result<> done = storm(total); !done) {
      return done;
    }
  }
  report_.add("storm", "rounds", plan_.options.rounds);
  report_.add("storm", "all_back_seconds", slowest_storm_);
  report_.add("storm", "cpu_us_per_reconnect",
              per(static_cast<double>(total.cpu_ns) / 1e3, count(&LoaderStats::opened) - wanted_));
  add_memory("memory_after");
  return {};
}

Result<> Run::storm(Usage& total) {
  Result<> done = crew_.perform(Phase::kDropAll, kOpenSeconds, "leaving");
  done = done ? crew_.rest(plan_.options.settle_seconds, "leaving") : done;
  const Usage before = read_cpu(pids_);
  done = done ? crew_.perform(Phase::kReconnect, kOpenSeconds, "storm") : done;
  if (!done) {
    return done;
  }
  const Usage used = read_cpu(pids_) - before;
  total.cpu_ns += used.cpu_ns;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < crew_.pids().size(); ++i) {
    last = std::max(last, crew_.shared().loaders[i].last_ready_ns.load());
  }
  slowest_storm_ = std::max(slowest_storm_, static_cast<double>(last - crew_.ordered_ns()) / 1e9);
  return {};
}

Result<> Run::leave() {
  Result<> done = crew_.perform(Phase::kLeave, 30, "leaving");
  done = done ? crew_.rest(plan_.options.settle_seconds, "leaving") : done;
  if (done) {
    add_memory("memory_after_leaving");
  }
  return done;
}

void Run::add_accounts() {
  const std::string_view section = "accounts";
  report_.add(section, "requests", count(&LoaderStats::requests));
  report_.add(section, "answered", count(&LoaderStats::answered));
  report_.add(section, "refused", count(&LoaderStats::refused));
  report_.add(section, "unsent", count(&LoaderStats::unsent));
  report_.add(section, "expected", count(&LoaderStats::expected));
  report_.add(section, "delivered", count(&LoaderStats::delivered));
  report_.add(section, "lost", count(&LoaderStats::lost));
  report_.add(section, "duplicated", count(&LoaderStats::duplicated));
  report_.add(section, "out_of_order", count(&LoaderStats::late));
  report_.add(section, "misrouted", count(&LoaderStats::misrouted));
  report_.add(section, "connections_ready", count(&LoaderStats::ready));
  report_.add(section, "connections_failed", count(&LoaderStats::failed));
  report_.add(section, "connections_dropped", count(&LoaderStats::dropped));
  report_.add(section, "stalled_dropped", count(&LoaderStats::stalled_gone));
}

// The listeners of a server that the tool started, from the lines it printed.
void take_listeners(const ServerProcess& server, Options& options) {
  if (const std::string clients = server.after("clients on "); !clients.empty() && options.urls.empty()) {
    options.urls.push_back(clients);
  }
  const std::string api = server.after("api on ");
  if (!api.empty() && options.push_urls.empty()) {
    options.push_urls.push_back(api + "/v1/push");
  }
  options.server_pids.push_back(server.pid());
}

}  // namespace

Result<Outcome> run(Options options) {
  std::optional<ServerProcess> server;
  if (!options.start.empty()) {
    Result<ServerProcess> started = ServerProcess::start(options.start, options.ready_line, options.server_cores);
    if (!started) {
      return tl::unexpected(started.error());
    }
    server.emplace(std::move(*started));
    take_listeners(*server, options);
  }
  const Result<Plan> plan = make_plan(std::move(options));
  if (!plan) {
    return tl::unexpected(plan.error());
  }
  const Result<std::unique_ptr<Crew>> crew = Crew::start(*plan);
  if (!crew) {
    return tl::unexpected(crew.error());
  }
  return Run(*plan, **crew, plan->options.server_pids).execute();
}

}  // namespace pushwire::bench
