// Crew: the client processes, seen from the parent: started, ordered about, watched and ended.
// Thread: main. Lifetime: the destructor ends every process that is still there.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bench/options.h"
#include "bench/shared.h"

namespace pushwire::bench {

class Crew {
 public:
  // Forks. Fails when descriptors or processes do not suffice.
  static Result<std::unique_ptr<Crew>> start(const Plan& plan);
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew();

  // Gives the order and waits until all have carried it out. Fails after `seconds`, or when a process has ended.
  Result<> perform(Phase phase, double seconds, std::string_view what);
  // Lets the connections be for a while.
  Result<> rest(double seconds, std::string_view what);

  const std::vector<int>& pids() const noexcept { return pids_; }
  // When the last order was given, by the monotonic clock.
  std::int64_t ordered_ns() const noexcept { return ordered_ns_; }
  const SharedState& shared() const noexcept { return *shared_; }
  // The sum of a counter over all processes.
  std::uint64_t sum(std::atomic<std::uint64_t> LoaderStats::*counter) const;
  void add_up(Histogram LoaderStats::*histogram, Histogram& into) const;
  std::string_view trouble() const;

 private:
  explicit Crew(const Plan& plan) : plan_(plan), shared_(make_shared_state()) {}
  Result<> watch(std::int64_t deadline_ns, std::string_view what, const std::uint64_t* order);
  void show(std::string_view what);

  const Plan& plan_;
  SharedStatePtr shared_;
  std::vector<int> pids_;
  std::uint64_t orders_ = 0;
  std::int64_t ordered_ns_ = 0;
  std::int64_t shown_ns_ = 0;
  std::uint64_t shown_count_ = 0;
  bool bar_open_ = false;
};

}  // namespace pushwire::bench
