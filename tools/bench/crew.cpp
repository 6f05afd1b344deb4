#include "bench/crew.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "base/clock.h"
#include "bench/loader.h"
#include "bench/probe.h"
#include "bench/share.h"

namespace pushwire::bench {
namespace {

constexpr std::int64_t kShowEvery = 500'000'000;
constexpr unsigned kPollMicroseconds = 2000;
constexpr std::uint32_t kOtherDescriptors = 200;

std::uint32_t raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::uint32_t>(std::min<rlim_t>(limit.rlim_cur, 1'000'000));
}

Result<std::uint32_t> processes_for(const Options& options) {
  const std::uint32_t limit = raise_descriptor_limit();
  const std::uint32_t publishing = options.concurrency + kOtherDescriptors;
  if (limit <= publishing) {
    return fail(fmt::format("a process may open only {} files", limit));
  }
  const std::uint32_t each = limit - publishing;
  const std::uint32_t needed = (options.connections + each - 1) / each;
  const std::uint32_t count = std::min(std::max({needed, options.processes, 1U}), options.users);
  if (count < needed || count > kMaxLoaders) {
    return fail(fmt::format("{} connections of {} users need {} processes of {} connections each; at most {}",
                            options.connections, options.users, needed, each, kMaxLoaders));
  }
  return count;
}

// In the child; never returns.
[[noreturn]] void work(const Plan& plan, const Share& share, SharedState& shared) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGPIPE, SIG_IGN);
  if (!pin_to(plan.options.client_cores)) {
    fmt::print(stderr, "cannot pin a client process to its cores\n");
    ::_exit(3);
  }
  {
    const auto loader = std::make_unique<Loader>(plan, share, shared);
    loader->run();
  }
  ::_exit(0);
}

}  // namespace

Result<std::unique_ptr<Crew>> Crew::start(const Plan& plan) {
  const Result<std::uint32_t> count = processes_for(plan.options);
  if (!count) {
    return tl::unexpected(count.error());
  }
  std::unique_ptr<Crew> crew(new Crew(plan));
  crew->shared_->control.run = static_cast<std::uint32_t>(monotonic_ns() ^ (std::int64_t{::getpid()} << 16));
  for (std::uint32_t i = 0; i < *count; ++i) {
    const int pid = ::fork();
    if (pid < 0) {
      return fail("cannot fork");
    }
    if (pid == 0) {
      work(plan, share_of(plan, i, *count), *crew->shared_);
    }
    crew->pids_.push_back(pid);
  }
  return crew;
}

Crew::~Crew() {
  shared_->control.order.store(++orders_ << 32 | static_cast<std::uint64_t>(Phase::kQuit), std::memory_order_release);
  for (const int pid : pids_) {
    int tries = 200;
    while (::waitpid(pid, nullptr, WNOHANG) == 0) {
      if (--tries == 0) {
        ::kill(pid, SIGKILL);
      }
      ::usleep(10'000);
    }
  }
}

Result<> Crew::perform(Phase phase, double seconds, std::string_view what) {
  const std::uint64_t order = ++orders_ << 32 | static_cast<std::uint64_t>(phase);
  ordered_ns_ = monotonic_ns();
  shared_->control.order.store(order, std::memory_order_release);
  return watch(ordered_ns_ + static_cast<std::int64_t>(seconds * 1e9), what, &order);
}

Result<> Crew::rest(double seconds, std::string_view what) {
  const Result<> resting = perform(Phase::kRest, 10, what);
  return resting ? watch(monotonic_ns() + static_cast<std::int64_t>(seconds * 1e9), what, nullptr) : resting;
}

// Until all have carried out `order`; without one, until the deadline.
Result<> Crew::watch(std::int64_t deadline_ns, std::string_view what, const std::uint64_t* order) {
  const auto done = [&](std::size_t i) {
    return shared_->loaders[i].phase_done.load(std::memory_order_acquire) == *order;
  };
  while (true) {
    const bool all = order != nullptr && std::ranges::all_of(std::views::iota(std::size_t{0}, pids_.size()), done);
    const bool late = monotonic_ns() >= deadline_ns;
    show(what);
    if (all || (late && order == nullptr)) {
      break;
    }
    if (late) {
      return fail(fmt::format("{}: not finished in time", what));
    }
    siginfo_t ended{};
    for (const int pid : pids_) {
      if (::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == pid) {
        return fail(fmt::format("{}: a client process ended too early", what));
      }
    }
    ::usleep(kPollMicroseconds);
  }
  if (bar_open_) {
    fmt::print(stderr, "\r\x1b[K");
    bar_open_ = false;
  }
  return {};
}

void Crew::show(std::string_view what) {
  const std::int64_t now = monotonic_ns();
  if (plan_.options.quiet || ::isatty(STDERR_FILENO) == 0 || now - shown_ns_ < kShowEvery) {
    return;
  }
  const std::uint64_t ready = sum(&LoaderStats::ready);
  const std::uint64_t count = sum(&LoaderStats::delivered) + sum(&LoaderStats::opened);
  const double rate = static_cast<double>(count - shown_count_) / (static_cast<double>(now - shown_ns_) / 1e9);
  const std::size_t filled = ready * 20 / plan_.options.connections;
  fmt::print(stderr, "\r\x1b[K{:<12}[{:<20}] {} connections  {} delivered  {:.0f}/s", what,
             std::string(std::min<std::size_t>(filled, 20), '#'), ready, sum(&LoaderStats::delivered),
             shown_ns_ == 0 ? 0 : rate);
  bar_open_ = true;
  shown_ns_ = now;
  shown_count_ = count;
}

std::uint64_t Crew::sum(std::atomic<std::uint64_t> LoaderStats::*counter) const {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < pids_.size(); ++i) {
    total += (shared_->loaders[i].*counter).load(std::memory_order_relaxed);
  }
  return total;
}

void Crew::add_up(Histogram LoaderStats::*histogram, Histogram& into) const {
  for (std::size_t i = 0; i < pids_.size(); ++i) {
    into.add(shared_->loaders[i].*histogram);
  }
}

std::string_view Crew::trouble() const {
  for (std::size_t i = 0; i < pids_.size(); ++i) {
    if (shared_->loaders[i].trouble.front() != '\0') {
      return shared_->loaders[i].trouble.data();
    }
  }
  return {};
}

}  // namespace pushwire::bench
