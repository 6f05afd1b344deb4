// SequenceTracker: which numbered pushes of each node have come, so that what comes twice is left out and what never
// comes is counted.
//
// Each run of a node numbers its pushes 1, 2, 3, … Records may come out of order (a bus has several queues) and late
// (it replays after an outage): a number that is missing counts as missed only after the grace period. Numbers below
// the first one that was ever seen of a run are not missed: this node was not there yet.
// Memory: 8 KiB a run, up to 128 KiB while numbers far apart come, and what is open; at most kMostRuns.
// Times are those of a clock that stands still while the process does. Thread: its owner's.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "bus/envelope_codec.h"
#include "bus/seen_window.h"

namespace pushwire::bus {

class SequenceTracker {
 public:
  static constexpr std::uint64_t kWindow = SeenWindow::kMostSize;  // numbers that are remembered one by one
  static constexpr std::size_t kMostRuns = 4'096;

  explicit SequenceTracker(MonotonicMs grace) : grace_(grace) {}

  // Whether a node can have given this number: no other gets the better of the counters.
  bool is_plausible(RecordStamp stamp) const;
  enum class Verdict : std::uint8_t { kNew, kRepeated };
  // Requires, like reached(): is_plausible().
  Verdict saw(RecordStamp stamp, MonotonicMs now);
  // The node says that its next push will have this number: all below it were given to the bus.
  void reached(RecordStamp next, MonotonicMs now);
  // These were refused to their publishers, and nobody misses them. They may come nevertheless, and are new then.
  void refused(std::uint64_t run, const std::vector<NumberRange>& ranges);
  // Nothing could come until now, so nobody has been waiting yet.
  void start_waiting(MonotonicMs now);
  // How many are found missing for good since the last call.
  std::uint64_t take_missed(MonotonicMs now);
  // Whether take_missed() may find something later.
  bool is_waiting() const noexcept { return holes_ > 0; }
  std::size_t runs() const noexcept { return runs_.size(); }

 private:
  static constexpr MonotonicMs kMergeMs = 128;                    // gaps that open within this are looked at together
  static constexpr MonotonicMs kForgetMs = 600'000;               // a run of which nothing was heard for so long
  static constexpr std::size_t kMostRefused = kMaxRefusedRanges;  // that are remembered of a run
  static constexpr std::uint64_t kLongestJump = std::uint64_t{1} << 32;  // days at full speed without a word

  struct Span {
    std::uint64_t first;
    std::uint64_t end;
    MonotonicMs since;
  };
  struct Run {
    std::uint64_t top = 0;  // one more than the highest number known to be given
    SeenWindow seen;
    std::deque<Span> open;                           // where numbers below top may be missing, oldest first
    std::map<std::uint64_t, std::uint64_t> refused;  // first -> last
    MonotonicMs heard = 0;
  };

  Run& run_of(std::uint64_t run, std::uint64_t first, MonotonicMs now);
  void forget_silent(MonotonicMs now);
  void forget(Run& run);
  static void make_room(Run& run, std::uint64_t top);
  // Everything below `top` is known to be given from now on.
  void raise(Run& run, std::uint64_t top, MonotonicMs now);
  void open_span(Run& run, std::uint64_t first, std::uint64_t end, MonotonicMs now);
  void settle(const Run& run, std::uint64_t first, std::uint64_t end);
  static bool is_refused(const Run& run, std::uint64_t number);

  const MonotonicMs grace_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Run>> runs_;
  std::uint64_t missed_ = 0;
  std::size_t holes_ = 0;  // spans of all runs
};

}  // namespace pushwire::bus
