#include "bus/rocketmq/send_queue.h"

#include <algorithm>
#include <utility>

#include "bus/rocketmq/message.h"

namespace pushwire::bus::rocketmq {
namespace {

// In front of the record in a batch: size, magic, check sum, flag, length.
constexpr std::size_t kBeforeBody = 20;
// What is kept of the memory that a burst took.
constexpr std::size_t kKeptBytes = 256 * 1024;

}  // namespace

void SendQueue::add(std::uint64_t number, std::string_view record) {
  drop_sent();
  append_to_batch(bytes_, record, properties_);
  entries_.push_back({number, bytes_.size()});
}

// Memory of what was sent is given back when all of it was, or when it is more than half.
void SendQueue::drop_sent() {
  if (next_ == 0) {
    return;
  }
  if (next_ == entries_.size()) {
    entries_.clear();
    bytes_.clear();
    if (bytes_.capacity() > kKeptBytes) {
      bytes_.shrink_to_fit();
      entries_.shrink_to_fit();
    }
    next_ = 0;
  } else if (begin() > bytes_.size() / 2) {
    const std::size_t sent = begin();
    bytes_.erase(0, sent);
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(next_));
    for (Entry& entry : entries_) {
      entry.end -= sent;
    }
    next_ = 0;
  }
}

SendQueue::Body SendQueue::take() {
  drop_sent();
  ++batch_;
  const std::size_t first = begin();
  std::size_t end = first;
  const std::size_t most = alone_ > 0 ? 1 : kMaxBatchMessages;
  alone_ -= alone_ > 0 ? 1 : 0;
  while (next_ < entries_.size() && in_flight_.size() < most &&
         (in_flight_.empty() || entries_[next_].end - first <= max_batch_bytes_)) {
    end = entries_[next_].end;
    in_flight_.push_back(entries_[next_].number);
    ++next_;
  }
  taken_bytes_ = end - first;
  const std::string_view batch = std::string_view(bytes_).substr(first, taken_bytes_);
  if (in_flight_.size() > 1) {
    return {SendForm::kBatch, batch};
  }
  return {SendForm::kSingle, batch.substr(kBeforeBody, batch.size() - batch_bytes(0, properties_.size()))};
}

void SendQueue::shrink_batches() noexcept {
  if (taken_bytes_ > kLeastBatchBytes) {
    max_batch_bytes_ = std::max(taken_bytes_ / 2, kLeastBatchBytes);
  } else {
    alone_ = in_flight_.size();
  }
}

std::vector<std::uint64_t> SendQueue::take_in_flight() {
  return std::exchange(in_flight_, {});
}

std::vector<std::uint64_t> SendQueue::take_all() {
  ++batch_;
  std::vector<std::uint64_t> numbers = std::exchange(in_flight_, {});
  for (; next_ < entries_.size(); ++next_) {
    numbers.push_back(entries_[next_].number);
  }
  drop_sent();
  return numbers;
}

}  // namespace pushwire::bus::rocketmq
