// ChannelSession: one authenticated WebSocket connection of a user.
//
// It reads frames, answers control frames and client messages, holds what waits for its socket, and watches its own
// deadlines with one timer. Thread: the user's home worker only. Lifetime: made by SessionManager::admit(), out of all
// tables the moment it begins to close, destroyed at the end of the turn in which its socket was closed.
//
//   kOpen -> close(): out of the tables, close frame sent -> kClosing -> peer's close frame, EOF or close_timeout
//         -> kFinished (descriptor closed) -> destroyed by SessionManager::destroy_closed()
//
// Memory of an idle connection is the product's first promise; see the sum at the end of the class. There is no
// buffer, no outbox and no reader while nothing is under way.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/io_handler.h"
#include "net/outbox.h"
#include "net/timer_wheel.h"
#include "net/tls_connection.h"
#include "protocol/disconnect.h"
#include "session/pending_upgrade.h"
#include "session/session_id.h"
#include "session/subscription.h"
#include "session/topic_permissions.h"
#include "websocket/message_reader.h"

namespace pushwire::session {

class SessionManager;
class UserSession;

class ChannelSession final : public net::IoHandler, public net::Timer {
 public:
  ChannelSession(std::uint32_t slot, SessionManager& manager, UserSession& user, PendingUpgrade&& upgrade,
                 PatternSetRef permissions, SessionId id);
  ~ChannelSession();

  const SessionId& id() const noexcept { return id_; }
  // Requires: is_open().
  UserSession& user() const noexcept { return *user_; }
  ChannelSession* newer() const noexcept { return newer_; }
  bool is_open() const noexcept { return state_ == State::kOpen; }
  MessageFormat format() const noexcept { return format_; }
  std::string_view device() const noexcept { return device_ == nullptr ? std::string_view{} : *device_; }
  const PatternSetRef& permissions() const noexcept { return permissions_; }
  SubscriptionList& subscriptions() noexcept { return subscriptions_; }
  WallMs connected_at() const noexcept { return connected_at_; }
  WallMs last_seen_at() const noexcept;
  // "ip:port" of the client, asked from the kernel; "" when the connection has just gone.
  std::string remote() const;

  // Begins to watch the socket. A kernel that refuses ends the session at once (is_open() says so).
  void start();
  // The first bytes of the connection: the 101 answer and, in plain format, the welcome.
  void greet(std::string_view response, std::string_view welcome);
  // Hands a push to the outbox; it leaves with everything else of this turn. False: dropped and counted.
  bool send_message(const net::LocalBuffer& frame);
  // One text frame of the gateway's own; nothing in raw format.
  void send_text(std::string_view json);
  // Says why and closes. Does nothing when it is closing already.
  void close(protocol::Disconnect why);

  // Bytes that came with the handshake.
  void receive(std::span<char> bytes);
  void on_io(std::uint32_t events) override;
  // Arms the timer for the nearest deadline; to be called when one may have come nearer.
  void watch(MonotonicMs now);
  // Called by the manager once per turn when something was handed over: gives out what is to be sent, if anything, and
  // is told how that went before anything else happens to the session.
  net::Outbox* begin_flush();
  void end_flush(net::FlushResult result, std::size_t written);
  int fd() const noexcept { return fd_; }
  // Null: in the clear.
  net::TlsConnection* tls() const noexcept;
  std::uint32_t slot() const noexcept { return slot_; }

 private:
  friend class UserSession;  // links

  enum class State : std::uint8_t { kOpen, kClosing, kFinished };
  // What happens when the last byte of the outbox is with the kernel.
  enum class AfterFlush : std::uint8_t { kNothing, kShutdown, kFinish };
  // A message that is not complete yet.
  struct Inbound {
    websocket::MessageReader reader;
    MonotonicMs since;
  };

  void on_timer(MonotonicMs now) override;
  void read_socket(std::uint32_t events);
  ssize_t receive_some(std::span<char> room);
  void say_goodbye_in_tls();
  void read_messages(websocket::MessageReader& reader, std::span<char>& bytes);
  void on_event(const websocket::Event& event);
  void on_text(std::string_view text);
  void on_bad_message(std::string_view message);
  void answer_end(std::uint16_t code, std::string_view reason, AfterFlush after);
  bool push(const net::LocalBuffer& frame);
  bool has_room_for(std::size_t bytes);
  void answer_ping(net::Outbox::Pong kind, const net::LocalBuffer& pong);
  void send_close_frame(std::uint16_t code, std::string_view reason, AfterFlush after);
  void flush();
  void set_blocked();
  void leave(protocol::Disconnect why);
  void vanish();
  void finish_when_flushed();
  void finish();

  int fd_;
  SessionManager& manager_;
  UserSession* user_;  // null once it left the tables
  ChannelSession* older_ = nullptr;
  ChannelSession* newer_ = nullptr;
  net::Outbox* outbox_ = nullptr;     // borrowed while something waits
  std::unique_ptr<Inbound> inbound_;  // only inside an unfinished message
  SubscriptionList subscriptions_;
  std::unique_ptr<std::string> device_;
  PatternSetRef permissions_;
  SessionId id_;
  std::int64_t connected_at_;  // wall clock; while closing: loop time when that began
  MonotonicMs last_received_;  // loop time; while closing: of the last bytes that were written
  std::uint32_t expires_at_;   // Unix seconds; 0: never
  std::uint32_t slot_;
  MessageFormat format_;
  State state_ = State::kOpen;
  AfterFlush after_flush_ = AfterFlush::kNothing;
  std::uint8_t bad_messages_ = 0;  // in a row
  std::uint16_t pings_sent_ = 0;   // since the last byte was received
  bool dirty_ : 1 = false;         // in the manager's list for this turn
  bool blocked_ : 1 = false;       // the socket is full, EPOLLOUT is armed
  bool reads_on_ : 1 = false;      // has used up its reads of a turn, the next turn goes on
  bool has_tls_ : 1 = false;       // it is with the manager
  bool deaf_ : 1 = false;          // after a close frame or fault: what comes is thrown away
};

// 8 handler · 28 timer (table, links, tick) · 4 fd · 24 manager, user, links (2 x 8 more) · 8 outbox · 8 reader ·
// 8 topics · 8 device · 8 permissions · 16 id · 16 times · 8 expiry and slot · 8 small fields.
// An idle connection with a user of its own and a 10-byte user id: 168 here, 48 UserSession with its allocation, and
// about 40 in the two registries and the slab: 256 bytes (258 measured). Budget: 384.
static_assert(sizeof(ChannelSession) <= 168, "memory per idle connection is a promise: see docs/performance.md");

}  // namespace pushwire::session
