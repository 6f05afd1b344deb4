#include "bus/sequence_tracker.h"

#include <algorithm>

namespace pushwire::bus {

void SequenceTracker::forget_silent(MonotonicMs now) {
  for (auto entry = runs_.begin(); entry != runs_.end();) {
    const bool silent = now - entry->second->heard >= kForgetMs;
    if (silent) {
      holes_ -= entry->second->open.size();
    }
    entry = silent ? runs_.erase(entry) : std::next(entry);
  }
  if (runs_.size() >= kMostRuns) {
    // Somebody invents runs, since no cluster starts so many nodes in ten minutes: the oldest has to go.
    const auto oldest = std::min_element(
        runs_.begin(), runs_.end(), [](const auto& a, const auto& b) { return a.second->heard < b.second->heard; });
    holes_ -= oldest->second->open.size();
    runs_.erase(oldest);
  }
}

SequenceTracker::Run& SequenceTracker::run_of(std::uint64_t run, std::uint64_t first, MonotonicMs now) {
  auto found = runs_.find(run);
  if (found == runs_.end()) {
    forget_silent(now);
    found = runs_.emplace(run, std::make_unique<Run>()).first;
    found->second->top = first;
  }
  found->second->heard = now;
  return *found->second;
}

bool SequenceTracker::is_refused(const Run& run, std::uint64_t number) {
  return std::any_of(run.refused.begin(), run.refused.end(),
                     [number](const NumberRange& range) { return range.first <= number && number <= range.last; });
}

void SequenceTracker::settle(const Run& run, std::uint64_t first, std::uint64_t end) {
  // What has left the window unseen is missed; nobody can invent a span that takes long to walk (reached() caps it).
  const std::uint64_t oldest = run.top > kWindow ? run.top - kWindow : 0;
  for (std::uint64_t number = std::max(first, oldest); number < end; ++number) {
    if (!run.seen.test(number % kWindow) && !is_refused(run, number)) {
      ++missed_;
    }
  }
}

void SequenceTracker::open_span(Run& run, std::uint64_t first, std::uint64_t end, MonotonicMs now) {
  if (!run.open.empty() && now - run.open.back().since < kMergeMs) {
    run.open.back().end = end;
    return;
  }
  run.open.push_back({first, end, now});
  ++holes_;
}

void SequenceTracker::raise(Run& run, std::uint64_t top, MonotonicMs now) {
  if (top - run.top >= kWindow) {
    // A jump over the whole window: what is open is decided now, and all that was jumped over is missed.
    for (const Span& span : run.open) {
      settle(run, span.first, span.end);
    }
    holes_ -= run.open.size();
    run.open.clear();
    missed_ += top - run.top - kWindow;
    run.seen.reset();
    run.top = top;
    open_span(run, top - kWindow, top, now);
    return;
  }
  const std::uint64_t leaves = top > kWindow ? top - kWindow : 0;  // numbers below it leave the window
  while (!run.open.empty() && run.open.front().first < leaves) {
    Span& span = run.open.front();
    const std::uint64_t end = std::min(span.end, leaves);
    settle(run, span.first, end);
    span.first = end;
    if (span.first < span.end) {
      break;
    }
    run.open.pop_front();
    --holes_;
  }
  for (std::uint64_t number = run.top; number < top; ++number) {
    run.seen.reset(number % kWindow);
  }
  run.top = top;
}

SequenceTracker::Verdict SequenceTracker::saw(RecordStamp stamp, MonotonicMs now) {
  const std::uint64_t number = stamp.number;
  Run& run = run_of(stamp.run, number, now);
  if (number >= run.top) {
    const std::uint64_t before = run.top;
    raise(run, number + 1, now);
    if (number > before && number - before < kWindow) {
      open_span(run, before, number, now);
    }
  } else if (run.top - number > kWindow || run.seen.test(number % kWindow)) {
    return Verdict::kRepeated;
  }
  run.seen.set(number % kWindow);
  return Verdict::kNew;
}

void SequenceTracker::reached(RecordStamp next, MonotonicMs now) {
  Run& run = run_of(next.run, next.number, now);
  if (next.number > run.top) {
    const std::uint64_t before = run.top;
    raise(run, next.number, now);
    if (next.number - before < kWindow) {
      open_span(run, before, next.number, now);
    }
  }
}

void SequenceTracker::refused(std::uint64_t run, const std::vector<NumberRange>& ranges) {
  const auto found = runs_.find(run);
  if (found == runs_.end()) {
    return;
  }
  std::deque<NumberRange>& known = found->second->refused;
  for (const NumberRange& range : ranges) {
    if (std::find(known.begin(), known.end(), range) == known.end()) {
      known.push_back(range);
    }
  }
  while (known.size() > kMostRefused) {
    known.pop_front();
  }
}

std::uint64_t SequenceTracker::take_missed(MonotonicMs now) {
  for (auto& [id, run] : runs_) {
    while (!run->open.empty() && now - run->open.front().since >= grace_) {
      settle(*run, run->open.front().first, run->open.front().end);
      run->open.pop_front();
      --holes_;
    }
  }
  return std::exchange(missed_, 0);
}

}  // namespace pushwire::bus
