#include "bench/ledger.h"

namespace pushwire::bench {

Verdict Ledger::take(std::size_t connection, Stream stream, std::uint32_t number) {
  std::uint32_t& highest = highest_[connection][row(stream)];
  if (number > highest) {
    for (std::uint32_t missing = highest + 1; missing < number; ++missing) {
      gaps_.insert(key(connection, stream, missing));
    }
    highest = number;
    return Verdict::kInOrder;
  }
  return gaps_.erase(key(connection, stream, number)) > 0 ? Verdict::kLate : Verdict::kDuplicate;
}

std::uint64_t Ledger::lost(std::size_t connection, Stream stream, std::uint32_t published,
                           const std::unordered_set<std::uint32_t>& excused) const {
  const std::uint32_t highest = highest_[connection][row(stream)];
  if (gaps_.empty() && highest >= published) {
    return 0;
  }
  std::uint64_t lost = 0;
  for (std::uint32_t number = 1; number <= published; ++number) {
    const bool missing = number > highest || gaps_.contains(key(connection, stream, number));
    lost += missing && !excused.contains(number) ? 1 : 0;
  }
  return lost;
}

}  // namespace pushwire::bench
