// Outbox: frames on their way to one socket, between being handed over and being taken by the kernel.
//
// A connection at rest has none. One is borrowed from the worker's OutboxPool when the first frame of a turn is
// handed over, and goes back at the end of the turn unless the socket is slow. It holds references, never copies.
// Thread: the worker's.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "net/local_buffer.h"

namespace pushwire::net {

class TlsConnection;

enum class FlushResult : std::uint8_t {
  kDone,     // everything is with the kernel
  kPartial,  // the socket is full: wait for EPOLLOUT
  kBroken,   // the connection is gone
};

class Outbox {
 public:
  Outbox() = default;
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  bool empty() const noexcept { return head_ == frames_.size(); }
  // Bytes not yet taken by the kernel.
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t frames() const noexcept { return frames_.size() - head_; }

  void push(LocalBuffer frame);
  // The answer to the latest ping of each kind, for a socket that is full: the next one replaces it (RFC 6455 5.5.3),
  // and queue_remembered() puts it in front of what waits, so that no backlog starves it.
  enum class Pong : std::uint8_t { kFrame, kText };
  void remember(Pong kind, LocalBuffer pong) { pongs_[static_cast<std::size_t>(kind)] = std::move(pong); }
  // Puts remembered pongs behind a half-written frame, or first. Returns their bytes.
  std::size_t queue_remembered();
  // Remembers since when more than `soft_bytes` wait; true when that has just begun. To be called after each change.
  bool note_backlog(std::size_t soft_bytes, std::int64_t now) noexcept;
  // 0: not over the soft limit.
  std::int64_t over_soft_since() const noexcept { return over_soft_since_; }
  // Writes until empty or the socket is full.
  FlushResult flush(int fd);
  // The same through TLS, several frames in one record. What is encrypted and not yet taken by the kernel counts as
  // waiting, and cannot be taken back.
  FlushResult flush(TlsConnection& tls);

  // For who writes in another way than flush(): what the next write should offer, and how much of it was taken.
  static constexpr std::size_t kFramesPerWrite = 64;
  // What is left of the first frame. Requires: not empty.
  std::string_view front() const noexcept { return frames_[head_].view().substr(offset_); }
  // The rest of the first frame and the frames behind it, as many as fit.
  struct Gathered {
    std::size_t parts = 0;
    std::size_t bytes = 0;
  };
  Gathered gather(std::span<iovec> parts) const noexcept;
  void consume(std::size_t written);
  // Drops what has not been started; a frame that is half written stays, since the stream must stay well-formed.
  // Returns the number of messages among the dropped frames.
  std::size_t drop_unstarted();
  // Drops everything, for a socket that is gone; returns the number of messages not wholly written.
  std::size_t clear() noexcept;
  // Frames it can hold without allocating again (tests and the pool).
  std::size_t capacity() const noexcept { return frames_.capacity(); }

 private:
  std::size_t count_messages(std::size_t from) const noexcept;
  std::size_t started_frames() const noexcept;
  std::string_view next_record(std::span<char> scratch) const noexcept;

  std::vector<LocalBuffer> frames_;
  std::size_t head_ = 0;    // index of the first frame not wholly written
  std::size_t offset_ = 0;  // bytes of that frame already written
  std::size_t bytes_ = 0;
  std::size_t encrypted_ = 0;  // of those bytes, the first ones: with TLS, and a socket that is full
  std::array<LocalBuffer, 2> pongs_;
  std::int64_t over_soft_since_ = 0;
};

// Hands out outboxes and takes them back, so that a fan-out allocates nothing per recipient. Thread: the worker's.
class OutboxPool {
 public:
  Outbox* take();
  void give_back(Outbox* outbox);
  std::size_t spare() const noexcept { return spare_.size(); }

 private:
  static constexpr std::size_t kMaxSpare = 4096;
  static constexpr std::size_t kMaxKeptFrames = 64;

  std::vector<std::unique_ptr<Outbox>> spare_;
};

}  // namespace pushwire::net
