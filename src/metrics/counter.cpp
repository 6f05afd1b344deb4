#include "metrics/counter.h"

#include <algorithm>

namespace pushwire::metrics {

void Histogram::observe_ns(std::int64_t ns) noexcept {
  const std::int64_t positive = std::max<std::int64_t>(ns, 0);
  const double seconds = static_cast<double>(positive) * 1e-9;
  const auto* const bound = std::lower_bound(kBoundsSeconds.begin(), kBoundsSeconds.end(), seconds);
  buckets_[static_cast<std::size_t>(bound - kBoundsSeconds.begin())].add();
  sum_ns_.add(static_cast<std::uint64_t>(positive));
}

}  // namespace pushwire::metrics
