#include "session/channel_session.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "net/address.h"
#include "protocol/client_message.h"
#include "protocol/server_message.h"
#include "session/session_manager.h"
#include "websocket/close_code.h"
#include "websocket/frame.h"

namespace pushwire::session {
namespace {

using metrics::DropReason;
using protocol::Disconnect;

constexpr int kReadsPerTurn = 4;  // of 64 KiB each; then others get their share
constexpr std::size_t kMostPongs = 64;
constexpr std::uint8_t kMaxBadMessages = 3;
constexpr std::uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP;

std::uint32_t clamp_seconds(std::int64_t seconds) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

ChannelSession::ChannelSession(std::uint32_t slot, SessionManager& manager, UserSession& user, PendingUpgrade&& upgrade,
                               PatternSetRef permissions, SessionId id)
    : fd_(upgrade.fd.release()),
      manager_(manager),
      user_(&user),
      device_(upgrade.device.empty() ? nullptr : std::make_unique<std::string>(std::move(upgrade.device))),
      permissions_(std::move(permissions)),
      id_(id),
      connected_at_(wall_ms()),
      last_received_(manager.loop_.now()),
      expires_at_(clamp_seconds(upgrade.expires_at)),
      slot_(slot),
      format_(upgrade.format) {
  if (upgrade.tls != nullptr) {
    has_tls_ = true;
    manager_.keep_tls(slot_, std::move(upgrade.tls));
  }
  watch(last_received_);
}

ChannelSession::~ChannelSession() {
  if (outbox_ != nullptr) {
    manager_.outboxes_.give_back(outbox_);
  }
  if (has_tls_) {
    manager_.tls_[slot_].reset();
  }
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

net::TlsConnection* ChannelSession::tls() const noexcept {
  return has_tls_ ? manager_.tls_[slot_].get() : nullptr;
}

WallMs ChannelSession::last_seen_at() const noexcept {
  // The two clocks are read at different moments: the handshake may seem to be older than the connection.
  return std::max(connected_at_, wall_ms() - (manager_.loop_.now() - last_received_));
}

std::string ChannelSession::remote() const {
  return net::peer_address(fd_).to_string();
}

// --- out ---------------------------------------------------------------------------------------------------------

void ChannelSession::start() {
  if (!manager_.loop_.add(fd_, kReadEvents, *this)) {
    vanish();
  } else if (has_tls_ && tls()->has_pending()) {
    reads_on_ = true;  // the worker before has read more than it used: no event will tell of it
    manager_.loop_.run_again(*this);
  }
}

void ChannelSession::greet(std::string_view response, std::string_view welcome) {
  const bool plain = format_ == MessageFormat::kPlain;
  const std::size_t frame_size = plain ? websocket::frame_header_size(welcome.size()) + welcome.size() : 0;
  SharedBuffer bytes = SharedBuffer::build(response.size() + frame_size, [&](char* out) {
    out = std::copy(response.begin(), response.end(), out);
    if (plain) {
      out = websocket::write_frame_header(out, websocket::Opcode::kText, welcome.size());
      std::copy(welcome.begin(), welcome.end(), out);
    }
  });
  push(net::LocalBuffer(std::move(bytes), net::FrameKind::kControl));
}

bool ChannelSession::send_message(const net::LocalBuffer& frame) {
  if (state_ != State::kOpen) {
    manager_.stats_.drop(DropReason::kClosing);
    return false;
  }
  if (!has_room_for(frame.size())) {
    manager_.stats_.drop(DropReason::kSlowClient);
    close(Disconnect::kSlowClient);
    return false;
  }
  if (!push(frame)) {
    manager_.stats_.drop(DropReason::kClosing);
    return false;
  }
  manager_.stats_.deliveries.add();
  return true;
}

// One message is always admitted to an empty outbox. What was only collected in this turn is first offered to the
// kernel: a burst is no slow client.
bool ChannelSession::has_room_for(std::size_t bytes) {
  if (outbox_ == nullptr || outbox_->bytes() + bytes <= manager_.options_.outbox_hard_bytes) {
    return true;
  }
  if (!blocked_) {
    flush();
  }
  return state_ != State::kOpen || outbox_ == nullptr || outbox_->empty() ||
         outbox_->bytes() + bytes <= manager_.options_.outbox_hard_bytes;
}

bool ChannelSession::push(const net::LocalBuffer& frame) {
  if (state_ == State::kFinished) {
    return false;
  }
  if (outbox_ == nullptr) {
    outbox_ = manager_.outboxes_.take();
  }
  outbox_->push(frame);
  manager_.stats_.outbox_bytes.add(static_cast<std::int64_t>(frame.size()));
  if (blocked_) {
    set_blocked();  // it may have passed the soft limit
  } else if (!dirty_) {
    dirty_ = true;
    manager_.dirty_.push_back(this);
  }
  return true;
}

// The latest ping is the one that has to be answered (RFC 6455 5.5.3). In a flood of them, pongs are offered to the
// kernel before they pile up; behind a full socket only the latest is kept.
void ChannelSession::answer_ping(net::Outbox::Pong kind, const net::LocalBuffer& pong) {
  if (state_ == State::kOpen && !blocked_ && outbox_ != nullptr && outbox_->frames() >= kMostPongs) {
    flush();
  }
  if (state_ == State::kOpen && blocked_) {
    outbox_->remember(kind, pong);
  } else if (state_ == State::kOpen) {
    push(pong);
  }
}

void ChannelSession::send_text(std::string_view json) {
  if (state_ != State::kOpen || format_ == MessageFormat::kRaw) {
    return;
  }
  if (!has_room_for(json.size())) {
    close(Disconnect::kSlowClient);
    return;
  }
  push(net::LocalBuffer(websocket::encode_frame(websocket::Opcode::kText, json), net::FrameKind::kControl));
}

void ChannelSession::flush() {
  dirty_ = false;
  if (state_ == State::kFinished || outbox_ == nullptr) {
    return;
  }
  manager_.stats_.outbox_bytes.add(static_cast<std::int64_t>(outbox_->queue_remembered()));
  const std::size_t before = outbox_->bytes();
  const net::FlushResult result = has_tls_ ? outbox_->flush(*tls()) : outbox_->flush(fd_);
  end_flush(result, before - outbox_->bytes());
}

net::Outbox* ChannelSession::begin_flush() {
  // It may stand in the list twice: handed over, flushed on the way because it was full, handed over again.
  if (!dirty_ || state_ == State::kFinished || outbox_ == nullptr || blocked_) {
    dirty_ = false;
    return nullptr;
  }
  dirty_ = false;
  return outbox_;
}

void ChannelSession::end_flush(net::FlushResult result, std::size_t written) {
  manager_.stats_.outbox_bytes.add(-static_cast<std::int64_t>(written));
  if (state_ == State::kClosing && written > 0) {
    last_received_ = manager_.loop_.now();  // it still reads: what was accepted before the goodbye is its due
  }
  if (result == net::FlushResult::kBroken) {
    vanish();
    return;
  }
  if (result == net::FlushResult::kPartial) {
    set_blocked();
    return;
  }
  manager_.outboxes_.give_back(outbox_);
  outbox_ = nullptr;
  if (blocked_) {
    blocked_ = false;
    manager_.loop_.modify(fd_, kReadEvents, *this);
  }
  if (after_flush_ == AfterFlush::kFinish) {
    finish();
  } else if (after_flush_ == AfterFlush::kShutdown) {
    say_goodbye_in_tls();
    ::shutdown(fd_, SHUT_WR);
  }
}

void ChannelSession::set_blocked() {
  if (!blocked_) {
    blocked_ = true;
    manager_.loop_.modify(fd_, kReadEvents | EPOLLOUT, *this);
  }
  const MonotonicMs now = manager_.loop_.now();
  if (outbox_->note_backlog(manager_.options_.outbox_soft_bytes, now)) {
    watch(now);
  }
}

// --- in ----------------------------------------------------------------------------------------------------------

void ChannelSession::on_io(std::uint32_t events) {
  if (state_ == State::kFinished) {
    return;
  }
  if (blocked_ && (events & EPOLLOUT) != 0) {
    flush();
  }
  if (state_ == State::kFinished || events == EPOLLOUT) {
    return;
  }
  if (events == 0) {
    reads_on_ = false;
  }
  if (!reads_on_) {  // else a fast sender's edges would add to the reads that wait for it already
    read_socket(events);
  }
}

void ChannelSession::read_socket(std::uint32_t events) {
  const std::span<char> buffer(manager_.receive_buffer_);
  for (int i = 0; i < kReadsPerTurn; ++i) {
    const ssize_t got = receive_some(buffer);
    if (got <= 0) {
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got == 0 && state_ == State::kClosing) {
        finish_when_flushed();  // it may have closed its half only, and wait for our close frame
      } else if (got == 0 || errno != EAGAIN) {
        vanish();
      }
      return;
    }
    receive(buffer.first(static_cast<std::size_t>(got)));
    if (state_ == State::kFinished) {
      return;
    }
    // A short read emptied the socket, and the next byte makes a new edge: no need to be told EAGAIN. Not so when the
    // end of the stream, which makes no further edge, is waiting behind the bytes.
    if (static_cast<std::size_t>(got) < buffer.size() && events == EPOLLIN && !has_tls_) {
      return;
    }
  }
  reads_on_ = true;
  manager_.loop_.run_again(*this);
}

ssize_t ChannelSession::receive_some(std::span<char> room) {
  if (!has_tls_) {
    return ::recv(fd_, room.data(), room.size(), MSG_DONTWAIT);
  }
  net::TlsConnection& own = *tls();
  const ssize_t got = own.receive(room);
  if (own.blocked() && !blocked_) {  // words of the protocol, and a full socket
    if (outbox_ == nullptr) {
      outbox_ = manager_.outboxes_.take();
    }
    set_blocked();
  }
  return got;
}

void ChannelSession::say_goodbye_in_tls() {
  if (has_tls_) {
    tls()->shutdown();
  }
}

void ChannelSession::receive(std::span<char> bytes) {
  if (state_ == State::kOpen) {
    last_received_ = manager_.loop_.now();
    pings_sent_ = 0;
  }
  if (deaf_) {
    return;
  }
  if (inbound_ == nullptr) {
    websocket::MessageReader reader({.max_message_bytes = manager_.options_.max_message_bytes});
    read_messages(reader, bytes);
    if (state_ != State::kFinished && !deaf_ && !reader.at_rest()) {
      inbound_ = std::make_unique<Inbound>(Inbound{std::move(reader), manager_.loop_.now()});
    }
    return;
  }
  read_messages(inbound_->reader, bytes);
  if (state_ == State::kFinished || deaf_ || inbound_->reader.at_rest()) {
    inbound_.reset();
  }
}

void ChannelSession::read_messages(websocket::MessageReader& reader, std::span<char>& bytes) {
  while (state_ != State::kFinished) {
    const std::optional<websocket::Event> event = reader.next(bytes);
    if (!event) {
      return;
    }
    on_event(*event);
  }
}

void ChannelSession::on_event(const websocket::Event& event) {
  using Kind = websocket::Event::Kind;
  switch (event.kind) {
    case Kind::kClose:
      return answer_end(event.code, {}, AfterFlush::kFinish);
    case Kind::kFault:
      return answer_end(event.code, event.payload, AfterFlush::kShutdown);
    case Kind::kText:
      if (inbound_ != nullptr) {
        inbound_->since = manager_.loop_.now();  // what is unfinished after this one is another message
      }
      if (state_ == State::kOpen) {
        on_text(event.payload);
      }
      return;
    case Kind::kPing:
      answer_ping(net::Outbox::Pong::kFrame,
                  {websocket::encode_frame(websocket::Opcode::kPong, event.payload), net::FrameKind::kControl});
      return;
    case Kind::kPong:
    case Kind::kBinary:
      return;
  }
}

void ChannelSession::on_text(std::string_view text) {
  const auto message = protocol::parse_client_message(text);
  if (!message) {
    const protocol::ClientMessageFault& fault = message.error();
    if (fault.code == protocol::kBadMessage) {
      on_bad_message(fault.message);
    } else {
      bad_messages_ = 0;
      send_text(protocol::error_text({fault.code, fault.message, fault.topic}));
    }
    return;
  }
  bad_messages_ = 0;
  switch (message->kind) {
    case protocol::ClientMessageKind::kPing:
      if (format_ == MessageFormat::kPlain) {
        answer_ping(net::Outbox::Pong::kText, manager_.pong_text_);
      }
      return;
    case protocol::ClientMessageKind::kSubscribe:
      manager_.events_.on_subscribe(*this, message->value.view());
      return;
    case protocol::ClientMessageKind::kUnsubscribe:
      manager_.events_.on_unsubscribe(*this, message->value.view());
      return;
    case protocol::ClientMessageKind::kAck:
      return;  // a sign of life
  }
}

void ChannelSession::on_bad_message(std::string_view message) {
  send_text(protocol::error_text({protocol::kBadMessage, message, std::nullopt}));
  if (++bad_messages_ >= kMaxBadMessages) {
    close(Disconnect::kBadRequest);
  }
}

// --- the end -----------------------------------------------------------------------------------------------------

void ChannelSession::close(Disconnect why) {
  if (state_ != State::kOpen) {
    return;
  }
  if (why == Disconnect::kSlowClient) {
    manager_.slow_log_.warn(manager_.loop_.now(), "closing a slow client of user {}: {} bytes wait for its socket",
                            user_->user(), outbox_ == nullptr ? 0 : outbox_->bytes());
  }
  leave(why);
  if (why == Disconnect::kSlowClient && outbox_ != nullptr) {
    const std::size_t before = outbox_->bytes();
    manager_.stats_.drop(DropReason::kSlowClient, outbox_->drop_unstarted());
    manager_.stats_.outbox_bytes.add(static_cast<std::int64_t>(outbox_->bytes()) - static_cast<std::int64_t>(before));
  }
  send_close_frame(protocol::code_of(why), protocol::reason_of(why), AfterFlush::kNothing);
}

// The peer has closed, or what it says can no longer be understood: nothing more is read.
void ChannelSession::answer_end(std::uint16_t code, std::string_view reason, AfterFlush after) {
  deaf_ = true;
  if (state_ == State::kClosing) {
    return finish_when_flushed();  // the answer to our close frame
  }
  leave(protocol::disconnect_from_code(code));
  send_close_frame(code, reason, after);
}

void ChannelSession::send_close_frame(std::uint16_t code, std::string_view reason, AfterFlush after) {
  state_ = State::kClosing;
  after_flush_ = after;
  last_received_ = manager_.loop_.now();
  connected_at_ = last_received_;
  push({websocket::encode_close(code, reason), net::FrameKind::kControl});
  watch(last_received_);
}

// Out of every table now, so that nobody finds it any more; the object lives on until its socket is closed.
void ChannelSession::leave(Disconnect why) {
  manager_.stats_.disconnects[static_cast<std::size_t>(why)].add();
  manager_.events_.on_leave(*this);
  manager_.remove(*this);
  user_ = nullptr;
  permissions_ = {};
}

// The connection broke or ended without a close frame.
void ChannelSession::vanish() {
  if (state_ == State::kOpen) {
    leave(Disconnect::kAbnormal);
  }
  finish();
}

// The peer has nothing more to say, but our own close frame, and what was handed over before it, may still wait for the
// end of the turn or for a full socket. close_timeout bounds it.
void ChannelSession::finish_when_flushed() {
  if (outbox_ == nullptr) {
    finish();
  } else {
    after_flush_ = AfterFlush::kFinish;
  }
}

void ChannelSession::finish() {
  if (state_ == State::kFinished) {
    return;
  }
  state_ = State::kFinished;
  cancel();
  manager_.loop_.cancel_run_again(*this);
  if (outbox_ != nullptr) {
    manager_.stats_.outbox_bytes.add(-static_cast<std::int64_t>(outbox_->bytes()));
    manager_.stats_.drop(DropReason::kClosing, outbox_->clear());
    manager_.outboxes_.give_back(outbox_);
    outbox_ = nullptr;
  }
  say_goodbye_in_tls();
  ::close(fd_);
  fd_ = -1;
  manager_.closed_.push_back(this);
}

}  // namespace pushwire::session
