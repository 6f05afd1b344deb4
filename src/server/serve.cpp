#include "server/serve.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/log.h"
#include "bus/make_bus.h"
#include "server/bus_watch.h"
#include "server/commands.h"
#include "server/ebb.h"
#include "server/gateway.h"
#include "server/listener_tls.h"
#include "server/settings.h"

namespace pushwire::server {
namespace {

constexpr rlim_t kFewestFiles = 64;            // loops, listeners and reserves of a few workers
constexpr long kPollNs = 20'000'000;           // how often a drain looks whether it is done
constexpr timespec kTendEvery{1, 0};           // how often memory and the bus are looked after
constexpr MonotonicMs kLookAtFilesMs = 2'000;  // how often whether certificates have changed
constexpr timespec kWaitEvery{0, 10'000'000};  // how often a node that is not ready looks at its bus

sigset_t our_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  return signals;
}

void block_signals() {
  const sigset_t signals = our_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread: only this one takes them
  std::signal(SIGPIPE, SIG_IGN);
}

LogFormat format_of(LogStyle style) {
  if (style == LogStyle::kAuto) {
    return isatty(STDERR_FILENO) != 0 ? LogFormat::kText : LogFormat::kJson;
  }
  return style == LogStyle::kJson ? LogFormat::kJson : LogFormat::kText;
}

// What is freed goes back to the system. By itself the allocator raises these thresholds to the largest block it has
// seen, and after a burst of large bodies would keep hundreds of megabytes.
void give_memory_back() {
  constexpr int kThreshold = 128 * 1024;
  (void)mallopt(M_MMAP_THRESHOLD, kThreshold);
  (void)mallopt(M_TRIM_THRESHOLD, kThreshold);
}

// As many descriptors as the system lets us have: a connection is one.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
}

bool enough_descriptors() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kFewestFiles;
}

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

class Life {
 public:
  Life(const ServeCommand& command, const Environment& environment, Config config, std::unique_ptr<bus::Bus> bus)
      : command_(command),
        environment_(environment),
        drain_(config.drain),
        publish_timeout_(config.bus.publish_timeout.count()),
        tls_files_(config),
        gateway_(std::move(config), std::move(bus)) {}

  int run() {
    if (const auto started = gateway_.start(); !started) {
      log_error("{}", started.error().message);
      return kExitFailure;
    }
    for (const std::string& line : gateway_.listener_lines()) {
      say(line);
    }
    BusWatch watch(monotonic_ms());
    while (true) {
      look_at_bus(watch);
      const sigset_t signals = our_signals();
      const int signal = sigtimedwait(&signals, nullptr, watch.ready() ? &kTendEvery : &kWaitEvery);
      if (signal == SIGHUP) {
        reload();
      } else if (signal > 0) {
        return drain();
      } else if (watch.ready()) {
        tend();
      }
    }
  }

 private:
  void tend() {
    if (ebb_.has_passed(gateway_.connections())) {
      (void)malloc_trim(0);
    }
    if (monotonic_ms() < look_at_files_) {
      return;
    }
    look_at_files_ = monotonic_ms() + kLookAtFilesMs;
    if (!tls_files_.have_settled_anew()) {
      return;
    }
    if (const auto done = gateway_.reload_files(); !done) {
      log_error("certificates have changed: {}; the old ones stay", done.error().message);
      gateway_.reload_failed();
    } else {
      log_info("certificates have changed: the new ones are shown from now on");
    }
  }

  void look_at_bus(BusWatch& watch) {
    const bus::Health health = gateway_.bus_health();
    switch (watch.look(health.up, monotonic_ms())) {
      case BusNews::kReady:
        return say("ready");
      case BusNews::kStillAway:
        return log_warning("{}: {}; trying on", watch.ready() ? "the bus is still away" : "not ready yet",
                           health.reason);
      case BusNews::kNone:
        return;
    }
  }

  void reload() {
    LoadResult loaded = load_checked(command_.config, environment_, check_keys);
    if (!loaded.mistakes.empty()) {
      log_error("reload: the configuration has mistakes, the old one stays:\n{}", mistakes_text(loaded));
      gateway_.reload_failed();
      return;
    }
    const Config::Drain drain = loaded.config.drain;
    TlsFiles files(loaded.config);
    if (const auto done = gateway_.reload(std::move(loaded.config)); !done) {
      log_error("reload: {}; the old settings stay", done.error().message);
      gateway_.reload_failed();
      return;
    }
    drain_ = drain;
    tls_files_ = std::move(files);
    log_info("reload: done");
  }

  int drain() {
    log_info("draining {} connections at {} a second, at most {} s", gateway_.connections(), drain_.rate,
             drain_.deadline.count() / 1000);
    gateway_.drain();
    const MonotonicMs deadline = monotonic_ms() + drain_.deadline.count();
    const sigset_t signals = our_signals();
    const timespec pause{0, kPollNs};
    while (!gateway_.drained()) {
      const int signal = sigtimedwait(&signals, nullptr, &pause);
      if (signal == SIGTERM || signal == SIGINT) {
        log_warning("second signal: stopping at once, {} connections cut", gateway_.connections());
        return kExitFailure;
      }
      if (monotonic_ms() >= deadline) {
        log_error("drain.deadline has passed with {} connections left", gateway_.connections());
        return kExitFailure;
      }
    }
    wait_for_bus();
    log_info("drained");
    return kExitGood;
  }

  // Callers whose pushes are on their way to the bus get their answers, and the other nodes hear that this one goes. No
  // push waits longer than its time.
  void wait_for_bus() {
    gateway_.leave();
    const MonotonicMs deadline = monotonic_ms() + publish_timeout_;
    const sigset_t signals = our_signals();
    const timespec pause{0, kPollNs};
    while (!gateway_.settled() && monotonic_ms() < deadline) {
      const int signal = sigtimedwait(&signals, nullptr, &pause);
      if (signal == SIGTERM || signal == SIGINT) {
        return;
      }
    }
  }

  const ServeCommand& command_;
  const Environment& environment_;
  Config::Drain drain_;
  const MonotonicMs publish_timeout_;
  TlsFiles tls_files_;
  MonotonicMs look_at_files_ = 0;
  Ebb ebb_;
  Gateway gateway_;
};

}  // namespace

int serve(const ServeCommand& command, const Environment& environment) {
  LoadResult loaded = load_checked(command.config, environment, check_keys);
  if (!loaded.mistakes.empty()) {
    fmt::print(stderr, "{}", mistakes_text(loaded));
    return kExitUsage;
  }
  auto bus = bus::make_bus(loaded.config.bus, loaded.config.node.name);
  if (!bus) {
    fmt::print(stderr, "{}\n", bus.error().message);
    return kExitUsage;
  }
  block_signals();
  give_memory_back();
  raise_descriptor_limit();
  start_log(loaded.config.log.level, format_of(loaded.config.log.format));
  if (!enough_descriptors()) {
    log_error("the process may open too few files to run at all (ulimit -n): at least {} are expected", kFewestFiles);
    stop_log();
    return kExitFailure;
  }
  const int exit_code = Life(command, environment, std::move(loaded.config), *std::move(bus)).run();
  stop_log();
  return exit_code;
}

}  // namespace pushwire::server
