// SendQueue: what waits to be sent to one queue of a broker. One request is on its way at a time, since a broker works
// on pipelined ones in several threads and would mix up their order; what comes meanwhile makes up the next one.
// Sans-I/O. Thread: its owner's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bus/rocketmq/request.h"

namespace pushwire::bus::rocketmq {

// The body of the largest message, and of the largest batch, that a broker takes unless it is told otherwise
// (maxMessageSize).
constexpr std::size_t kMaxBodyBytes = std::size_t{4} << 20;
// No batch of more records than one has to be smaller than this.
constexpr std::size_t kLeastBatchBytes = std::size_t{16} << 10;
// The answer to a batch has 33 bytes a message in its header.
constexpr std::size_t kMaxBatchMessages = 512;

class SendQueue {
 public:
  struct Body {
    SendForm form = SendForm::kSingle;
    std::string_view bytes;  // valid until the next call
  };

  // `properties` are those of every message here.
  explicit SendQueue(std::string_view properties) : properties_(properties) {}

  void add(std::uint64_t number, std::string_view record);
  bool can_send() const noexcept { return in_flight_.empty() && next_ < entries_.size(); }
  bool is_idle() const noexcept { return in_flight_.empty() && next_ == entries_.size(); }
  // Requires: can_send(). What was taken is in flight until take_in_flight() or take_all().
  Body take();
  // Names what take() took last: an answer to anything before it, or to what was given back, came too late.
  std::uint32_t batch() const noexcept { return batch_; }
  // The numbers that were in flight, in order; they are not any more.
  std::vector<std::uint64_t> take_in_flight();
  // All numbers, those in flight first. Nothing is left.
  std::vector<std::uint64_t> take_all();
  std::size_t waiting_bytes() const noexcept { return bytes_.size() - begin(); }
  std::size_t in_flight() const noexcept { return in_flight_.size(); }
  // The broker found the batch in flight too large: half as large ones from now on. Of one that is small already each
  // record goes alone next time.
  void shrink_batches() noexcept;
  // It was one record that was too large, not the batches.
  void restore_batches() noexcept { max_batch_bytes_ = kMaxBodyBytes; }

 private:
  struct Entry {
    std::uint64_t number;
    std::size_t end;  // in bytes_
  };
  std::size_t begin() const noexcept { return next_ == 0 ? 0 : entries_[next_ - 1].end; }
  void drop_sent();

  const std::string properties_;
  std::string bytes_;  // in the form that a batch has
  std::vector<Entry> entries_;
  std::size_t next_ = 0;  // in entries_: the first that waits
  std::vector<std::uint64_t> in_flight_;
  std::uint32_t batch_ = 0;
  std::size_t max_batch_bytes_ = kMaxBodyBytes;
  std::size_t taken_bytes_ = 0;  // by the last take()
  std::size_t alone_ = 0;        // so many go alone
};

}  // namespace pushwire::bus::rocketmq
