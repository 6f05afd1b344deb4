#include "bus/sequence_tracker.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pushwire::bus {

// What it still waits for is missed.
void SequenceTracker::forget(Run& run) {
  for (const Span& span : run.open) {
    settle(run, span.first, span.end);
  }
  holes_ -= run.open.size();
  run.open.clear();
}

void SequenceTracker::forget_silent(MonotonicMs now) {
  for (auto entry = runs_.begin(); entry != runs_.end();) {
    const bool silent = now - entry->second->heard >= kForgetMs + grace_;
    if (silent) {
      forget(*entry->second);
    }
    entry = silent ? runs_.erase(entry) : std::next(entry);
  }
  if (runs_.size() >= kMostRuns) {
    // Somebody invents runs, since no cluster starts so many nodes in ten minutes: the oldest has to go.
    const auto oldest = std::min_element(
        runs_.begin(), runs_.end(), [](const auto& a, const auto& b) { return a.second->heard < b.second->heard; });
    forget(*oldest->second);
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

bool SequenceTracker::is_plausible(RecordStamp stamp) const {
  const auto found = runs_.find(stamp.run);
  const std::uint64_t top = found == runs_.end() ? stamp.number : found->second->top;
  return stamp.number < ~std::uint64_t{0} - kLongestJump && (stamp.number <= top || stamp.number - top < kLongestJump);
}

bool SequenceTracker::is_refused(const Run& run, std::uint64_t number) {
  const auto after = run.refused.upper_bound(number);
  return after != run.refused.begin() && number <= std::prev(after)->second;
}

void SequenceTracker::settle(const Run& run, std::uint64_t first, std::uint64_t end) {
  // What has left the window unseen is missed; nobody can invent a span that takes long to walk (raise() caps it).
  const std::uint64_t oldest = run.top > run.seen.size() ? run.top - run.seen.size() : 0;
  for (std::uint64_t number = std::max(first, oldest); number < end; ++number) {
    if (!run.seen.test(number) && !is_refused(run, number)) {
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

// So that what is open, and all up to `top`, can be told one by one, as far as that goes.
void SequenceTracker::make_room(Run& run, std::uint64_t top) {
  const std::uint64_t lowest = run.open.empty() ? run.top : std::min(run.top, run.open.front().first);
  if (top - lowest >= run.seen.size()) {
    run.seen.grow(top - lowest + 1, run.top);
  }
}

void SequenceTracker::raise(Run& run, std::uint64_t top, MonotonicMs now) {
  make_room(run, top);
  const std::uint64_t window = run.seen.size();
  if (top - run.top >= window) {
    // A jump over the whole window: what is open is decided now, and all that was jumped over is missed.
    forget(run);
    missed_ += top - run.top - window;
    run.seen.clear();
    run.top = top;
    open_span(run, top - window, top, now);
    return;
  }
  const std::uint64_t leaves = top > window ? top - window : 0;  // numbers below it leave the window
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
    run.seen.reset(number);
  }
  run.top = top;
}

SequenceTracker::Verdict SequenceTracker::saw(RecordStamp stamp, MonotonicMs now) {
  const std::uint64_t number = stamp.number;
  Run& run = run_of(stamp.run, number, now);
  if (number >= run.top) {
    const std::uint64_t before = run.top;
    raise(run, number + 1, now);
    if (number > before && number + 1 - before < run.seen.size()) {
      open_span(run, before, number, now);
    }
  } else if (run.top - number > run.seen.size() || run.seen.test(number)) {
    return Verdict::kRepeated;
  }
  run.seen.set(number);
  return Verdict::kNew;
}

void SequenceTracker::reached(RecordStamp next, MonotonicMs now) {
  Run& run = run_of(next.run, next.number, now);
  if (next.number > run.top) {
    const std::uint64_t before = run.top;
    raise(run, next.number, now);
    if (next.number - before < run.seen.size()) {
      open_span(run, before, next.number, now);
    }
  }
}

void SequenceTracker::refused(std::uint64_t run, const std::vector<NumberRange>& ranges) {
  const auto found = runs_.find(run);
  if (found == runs_.end()) {
    return;
  }
  std::map<std::uint64_t, std::uint64_t>& known = found->second->refused;
  for (const NumberRange& range : ranges) {
    std::uint64_t& last = known[range.first];  // it is told again when it has grown
    last = std::max(last, range.last);
  }
  while (known.size() > kMostRefused) {
    known.erase(known.begin());
  }
}

void SequenceTracker::start_waiting(MonotonicMs now) {
  for (auto& [id, run] : runs_) {
    for (Span& span : run->open) {
      span.since = now;
    }
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
