#include "bus/rocketmq/remoting_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace pushwire::bus::rocketmq {
namespace {

// Opaques are positive 32-bit numbers at the server.
constexpr std::uint32_t kOpaqueMask = 0x7FFF'FFFF;
// What is kept of the memory that the largest request took.
constexpr std::size_t kKeptBytes = 256 * 1024;
// A connection that has answers after so long is a good one: when it is lost, the next attempt comes soon.
constexpr MonotonicMs kSteadyMs = 2'000;

}  // namespace

RemotingConnection::RemotingConnection(const Access& access, ConnectionEvents& events)
    : access_(access), events_(events), stream_(access.loop, *this) {}

void RemotingConnection::open(const net::Endpoint& endpoint) {
  if (wants_to_connect_ && endpoint == endpoint_) {
    return;
  }
  close();
  endpoint_ = endpoint;
  wants_to_connect_ = true;
  backoff_.reset();
  connect();
}

void RemotingConnection::connect() {
  has_answered_ = false;
  stream_.open({.endpoint = endpoint_, .tls = access_.tls});
}

void RemotingConnection::close() {
  wants_to_connect_ = false;
  forget();
  cancel();
  wakes_at_ = 0;
}

void RemotingConnection::forget() {
  ++generation_;
  stream_.close();
  reader_.reset();
  calls_.clear();
}

void RemotingConnection::drop(std::string_view why) {
  if (!wants_to_connect_) {
    return;
  }
  forget();
  const std::uint32_t generation = generation_;
  events_.on_lost(why);
  // Unless it was closed, or opened to somewhere else, in the callback.
  if (wants_to_connect_ && generation == generation_) {
    wakes_at_ = 0;
    wait_for(access_.loop.now() + backoff_.next());
  }
}

void RemotingConnection::call(CallId id, const Request& request, std::string_view body, MonotonicMs timeout,
                              Signing signing) {
  if (!stream_.is_open()) {
    return;
  }
  const std::uint32_t opaque = next_opaque_;
  next_opaque_ = (next_opaque_ + 1) & kOpaqueMask;
  scratch_.clear();
  append_frame(scratch_, request, opaque, body, signing == Signing::kSigned ? access_.credentials : Credentials());
  stream_.write(scratch_);
  if (scratch_.capacity() > kKeptBytes) {
    std::string().swap(scratch_);
  }
  const MonotonicMs deadline = access_.loop.now() + timeout;
  calls_[opaque] = {id, deadline};
  wait_for(deadline);
}

void RemotingConnection::wait_for(MonotonicMs deadline) {
  if (wakes_at_ == 0 || deadline < wakes_at_) {
    wakes_at_ = deadline;
    access_.loop.timers().arm(*this, deadline);
  }
}

void RemotingConnection::flush() {
  if (stream_.is_open()) {
    stream_.flush();
  }
}

void RemotingConnection::on_open() {
  opened_at_ = access_.loop.now();
  events_.on_connected();
}

void RemotingConnection::on_bytes(std::string_view bytes) {
  const std::uint32_t generation = generation_;
  while (generation == generation_) {
    const Result<std::optional<RawFrame>> frame = reader_.next(bytes);
    if (!frame) {
      drop(frame.error().message);
      return;
    }
    if (!*frame) {
      return;
    }
    const Result<Header> header = decode_header(**frame);
    if (!header) {
      drop(header.error().message);
      return;
    }
    on_frame(*header, (*frame)->body);
  }
}

void RemotingConnection::on_frame(const Header& header, std::string_view body) {
  // Before anything else: the server's own requests may carry an opaque of ours.
  if (!header.is_answer()) {
    if (!header.is_one_way()) {
      scratch_.clear();
      append_not_supported(scratch_, header.opaque);
      stream_.write(scratch_);
    }
    return;
  }
  const auto found = calls_.find(header.opaque);
  if (found == calls_.end()) {
    return;  // an answer to nothing
  }
  has_answered_ = true;
  const CallId id = found->second.id;
  calls_.erase(found);
  if (header.code == answer::kGoAway) {
    drop("the server asks its clients to go");
    return;
  }
  const std::uint32_t generation = generation_;
  events_.on_answer(id, header, body);
  // Not at once: one that answers some calls and then ends the connection would be called ten times a second.
  if (generation == generation_ && access_.loop.now() - opened_at_ >= kSteadyMs) {
    backoff_.reset();
  }
}

void RemotingConnection::on_lost(const Error& why) {
  const bool is_closed = why.message.find("closed the connection") != std::string::npos;
  if (is_closed && !has_answered_) {
    drop(why.message + std::string(access_.tls ? " before TLS was agreed upon" : kClosedUnanswered));
  } else {
    drop(why.message);
  }
}

void RemotingConnection::on_timer(MonotonicMs now) {
  wakes_at_ = 0;
  if (!stream_.is_open()) {
    if (wants_to_connect_) {
      connect();
    }
    return;
  }
  MonotonicMs next = 0;
  for (const auto& [opaque, waiting] : calls_) {
    next = next == 0 ? waiting.deadline : std::min(next, waiting.deadline);
  }
  if (next != 0 && next <= now) {
    drop("it has not answered in time");
  } else if (next != 0) {
    wait_for(next);
  }
}

}  // namespace pushwire::bus::rocketmq
