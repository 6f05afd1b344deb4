// Message: one push on one node, framed once and shared by all workers that have receivers for it.
// Immutable but for the count of workers that still have to write it. Any thread; counted atomically, but touched only
// once per worker: inside a worker, outboxes hold the frame as a net::LocalBuffer.
#pragma once

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/clock.h"
#include "base/shared_buffer.h"
#include "bus/envelope.h"
#include "protocol/payload.h"
#include "session/session_id.h"

namespace pushwire::hub {

// The one connection or user that a push leaves out.
using Exclude = std::variant<std::monostate, session::SessionId, std::string>;

class Message : public boost::intrusive_ref_counter<Message, boost::thread_safe_counter> {
 public:
  // Writes the frame for the plain format. Requires: is_sound().
  explicit Message(const bus::Envelope& envelope);

  // The whole WebSocket frame of the plain format.
  const SharedBuffer& frame() const noexcept { return frame_; }
  // The frame for clients of format=raw, made anew at each call: at most once per worker and message.
  SharedBuffer make_raw_frame() const;
  const Exclude& exclude() const noexcept { return exclude_; }
  bool expired(WallMs now) const noexcept { return expires_at_ms_ != 0 && now >= expires_at_ms_; }
  std::int64_t received_ns() const noexcept { return received_ns_; }

  // Before the mail goes out: how many workers will call worker_done().
  void expect_workers(std::uint32_t count) noexcept { workers_left_.store(count, std::memory_order_relaxed); }
  // A worker has written it to all its receivers. True for the last one, if any socket was written to at all.
  bool worker_done(std::uint64_t sockets) noexcept;

 private:
  SharedBuffer frame_;
  Exclude exclude_;
  std::int64_t received_ns_;
  WallMs expires_at_ms_;
  std::uint32_t payload_offset_ = 0;  // in frame_
  std::uint32_t payload_size_ = 0;
  protocol::PayloadKind kind_;
  std::atomic<std::uint32_t> workers_left_{1};
  std::atomic<std::uint64_t> sockets_{0};
};

// Whether a push is one that the API would have taken. Whatever can write to the bus could send others, which must
// neither end this process nor the connections of those who would get it.
[[nodiscard]] bool is_sound(const bus::Envelope& envelope);

using MessagePtr = boost::intrusive_ptr<Message>;

}  // namespace pushwire::hub
