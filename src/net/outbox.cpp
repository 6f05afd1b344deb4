#include "net/outbox.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "net/tls_connection.h"

namespace pushwire::net {

void Outbox::push(LocalBuffer frame) {
  PW_CHECK(frame.size() > 0);  // flush() waits for bytes to be taken
  // Room at the front is reused before the vector grows, so that a slow socket's box stays as large as its backlog;
  // only when it is half the box, so that each frame is moved once at most.
  if (frames_.size() == frames_.capacity() && head_ > 0 && head_ >= frames_.size() / 2) {
    frames_.erase(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  bytes_ += frame.size();
  frames_.push_back(std::move(frame));
}

std::size_t Outbox::queue_remembered() {
  std::size_t added = 0;
  auto place = static_cast<std::ptrdiff_t>(head_ + started_frames());
  for (LocalBuffer& pong : pongs_) {
    if (pong) {
      added += pong.size();
      frames_.insert(frames_.begin() + place++, std::move(pong));
      pong = {};
    }
  }
  bytes_ += added;
  return added;
}

bool Outbox::note_backlog(std::size_t soft_bytes, std::int64_t now) noexcept {
  if (bytes_ <= soft_bytes) {
    over_soft_since_ = 0;
    return false;
  }
  const bool begins = over_soft_since_ == 0;
  if (begins) {
    over_soft_since_ = std::max<std::int64_t>(now, 1);  // 0 means "not over"
  }
  return begins;
}

void Outbox::consume(std::size_t written) {
  bytes_ -= written;
  while (written > 0) {
    LocalBuffer& front = frames_[head_];
    const std::size_t rest = front.size() - offset_;
    if (written < rest) {
      offset_ += written;
      return;
    }
    written -= rest;
    front = {};
    offset_ = 0;
    ++head_;
  }
  if (empty()) {
    frames_.clear();
    head_ = 0;
  }
}

Outbox::Gathered Outbox::gather(std::span<iovec> parts) const noexcept {
  Gathered gathered;
  gathered.parts = std::min(frames(), parts.size());
  for (std::size_t i = 0; i < gathered.parts; ++i) {
    const std::string_view bytes = i == 0 ? front() : frames_[head_ + i].view();
    parts[i] = {const_cast<char*>(bytes.data()), bytes.size()};
    gathered.bytes += bytes.size();
  }
  return gathered;
}

FlushResult Outbox::flush(int fd) {
  while (!empty()) {
    std::array<iovec, kFramesPerWrite> parts;
    const Gathered gathered = gather(parts);
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = gathered.parts;
    const ssize_t written = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? FlushResult::kPartial : FlushResult::kBroken;
    }
    consume(static_cast<std::size_t>(written));
    if (static_cast<std::size_t>(written) < gathered.bytes) {
      return FlushResult::kPartial;  // the edge will come: EPOLLOUT is armed on what the kernel did not take
    }
  }
  return FlushResult::kDone;
}

// What the next record holds: the rest of the first frame, or as many frames as fit into `scratch`.
std::string_view Outbox::next_record(std::span<char> scratch) const noexcept {
  if (frames() == 1 || front().size() >= scratch.size()) {
    return front().substr(0, TlsConnection::kMostPerRecord);
  }
  std::size_t size = 0;
  for (std::size_t i = head_; i < frames_.size() && size < scratch.size(); ++i) {
    const std::string_view frame = i == head_ ? front() : frames_[i].view();
    const std::size_t part = std::min(frame.size(), scratch.size() - size);
    std::copy_n(frame.begin(), part, scratch.begin() + static_cast<std::ptrdiff_t>(size));
    size += part;
  }
  return {scratch.data(), size};
}

FlushResult Outbox::flush(TlsConnection& tls) {
  while (true) {
    if (!tls.flush()) {
      return FlushResult::kBroken;
    }
    if (tls.blocked()) {
      return FlushResult::kPartial;
    }
    consume(std::exchange(encrypted_, 0));
    if (empty()) {
      return FlushResult::kDone;
    }
    std::array<char, TlsConnection::kMostPerRecord> scratch;
    const ssize_t taken = tls.send(next_record(scratch));
    if (taken < 0) {
      return FlushResult::kBroken;
    }
    encrypted_ = static_cast<std::size_t>(taken);
  }
}

// Those of which something is with the kernel, or encrypted.
std::size_t Outbox::started_frames() const noexcept {
  const std::size_t end = offset_ + encrypted_;
  std::size_t count = 0;
  for (std::size_t size = 0; size < end; ++count) {
    size += frames_[head_ + count].size();
  }
  return count;
}

std::size_t Outbox::count_messages(std::size_t from) const noexcept {
  const auto begin = frames_.begin() + static_cast<std::ptrdiff_t>(from);
  return static_cast<std::size_t>(std::count_if(
      begin, frames_.end(), [](const LocalBuffer& frame) { return frame.kind() == FrameKind::kMessage; }));
}

std::size_t Outbox::drop_unstarted() {
  const std::size_t keep = head_ + started_frames();
  const std::size_t dropped = count_messages(keep);
  for (std::size_t i = keep; i < frames_.size(); ++i) {
    bytes_ -= frames_[i].size();
  }
  frames_.resize(keep);
  return dropped;
}

std::size_t Outbox::clear() noexcept {
  const std::size_t dropped = count_messages(head_);
  pongs_ = {};
  frames_.clear();
  head_ = 0;
  offset_ = 0;
  bytes_ = 0;
  encrypted_ = 0;
  over_soft_since_ = 0;
  return dropped;
}

Outbox* OutboxPool::take() {
  if (spare_.empty()) {
    return new Outbox();
  }
  Outbox* outbox = spare_.back().release();
  spare_.pop_back();
  return outbox;
}

void OutboxPool::give_back(Outbox* outbox) {
  std::unique_ptr<Outbox> owned(outbox);
  owned->clear();
  if (spare_.size() < kMaxSpare && owned->capacity() <= kMaxKeptFrames) {
    spare_.push_back(std::move(owned));
  }
}

}  // namespace pushwire::net
