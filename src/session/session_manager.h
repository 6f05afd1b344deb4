// SessionManager: user id -> user session -> channel sessions, for the users whose home is this worker.
//
// It owns the channel sessions and what they share: the loop, the receive buffer, the spare outboxes, the counters,
// the list of connections touched in this turn. Thread: its worker's. Lifetime: as long as the worker.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/quiet_log.h"
#include "base/slab.h"
#include "metrics/worker_stats.h"
#include "net/event_loop.h"
#include "net/outbox.h"
#include "net/sender.h"
#include "net/tls_connection.h"
#include "session/channel_session.h"
#include "session/options.h"
#include "session/pending_upgrade.h"
#include "session/user_session.h"

namespace pushwire::session {

// What sessions need from the room above; implemented by hub::LocalHub.
class SessionEvents {
 public:
  // It is in the tables; nothing has been written to it yet.
  virtual void on_enter(ChannelSession&) {}
  virtual void on_subscribe(ChannelSession& session, std::string_view topic) = 0;
  virtual void on_unsubscribe(ChannelSession& session, std::string_view topic) = 0;
  // It is leaving the tables: forget its subscriptions.
  virtual void on_leave(ChannelSession& session) = 0;

 protected:
  ~SessionEvents() = default;
};

class SessionManager {
 public:
  SessionManager(net::EventLoop& loop, metrics::WorkerStats& stats, SessionEvents& events, SessionOptions options);
  // Closes what is left without a word.
  ~SessionManager();
  SessionManager(const SessionManager&) = delete;
  SessionManager& operator=(const SessionManager&) = delete;

  // Enters a new connection; the user's oldest ones are displaced when there are too many. Null when the policy is to
  // reject new ones: `upgrade` is untouched then.
  ChannelSession* admit(PendingUpgrade& upgrade);

  // Null when nobody by that name is connected here.
  UserSession* find_user(std::string_view user) const;
  ChannelSession* find_session(const SessionId& id) const;
  // Walks all open sessions: the next at or after `cursor`, which is moved past it; null at the end.
  ChannelSession* next_open(std::uint32_t& cursor);
  std::uint32_t slots() const noexcept { return sessions_.slots(); }
  // Open and closing.
  std::size_t size() const noexcept { return sessions_.size(); }
  std::size_t open_count() const noexcept { return ids_.size(); }

  // Steps of the turn.
  void flush();
  void destroy_closed();

  // How outboxes are written from now on. Made on this thread; without it, one system call per socket.
  void use(std::unique_ptr<net::Sender> sender) { sender_ = std::move(sender); }
  // New deadlines count from now on, also for those who are connected.
  void set_options(const SessionOptions& options);
  PatternSetTable& patterns() noexcept { return patterns_; }
  RandomIds& ids() noexcept { return random_; }

 private:
  friend class ChannelSession;  // shares what stands below

  struct UserHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view user) const noexcept { return hash_name(user); }
    std::size_t operator()(const UserSession::Owner& user) const noexcept { return hash_name(user->user()); }
  };
  struct UserEqual {
    using is_transparent = void;
    static std::string_view name(std::string_view user) noexcept { return user; }
    static std::string_view name(const UserSession::Owner& user) noexcept { return user->user(); }
    bool operator()(const auto& left, const auto& right) const noexcept { return name(left) == name(right); }
  };
  struct IdHash {
    using is_transparent = void;
    using is_avalanching = void;  // the bits are random
    std::size_t operator()(const SessionId& id) const noexcept { return id.hash(); }
    std::size_t operator()(const ChannelSession* session) const noexcept { return session->id().hash(); }
  };
  struct IdEqual {
    using is_transparent = void;
    static const SessionId& id(const SessionId& id) noexcept { return id; }
    static const SessionId& id(const ChannelSession* session) noexcept { return session->id(); }
    bool operator()(const auto& left, const auto& right) const noexcept { return id(left) == id(right); }
  };

  bool make_room(std::string_view user);
  void keep_tls(std::uint32_t slot, std::unique_ptr<net::TlsConnection> tls);
  // Called by a session that leaves: out of the user and id tables.
  void remove(ChannelSession& session);

  net::EventLoop& loop_;
  metrics::WorkerStats& stats_;
  SessionEvents& events_;
  SessionOptions options_;
  std::vector<char> receive_buffer_;  // one for all connections: nothing is kept in it between two reads
  QuietLog slow_log_;
  net::LocalBuffer ping_;
  net::LocalBuffer pong_text_;
  net::OutboxPool outboxes_;
  PatternSetTable patterns_;
  RandomIds random_;
  boost::unordered_flat_set<UserSession::Owner, UserHash, UserEqual> users_;
  boost::unordered_flat_set<ChannelSession*, IdHash, IdEqual> ids_;
  std::vector<ChannelSession*> dirty_;  // something was handed over in this turn
  // While flush() runs: what is given to the sender, and who it belongs to.
  struct Flushing {
    ChannelSession* session;
    std::size_t before;  // bytes in its outbox
  };
  std::vector<Flushing> flushing_;
  std::vector<net::SendJob> jobs_;
  std::unique_ptr<net::Sender> sender_ = std::make_unique<net::PlainSender>();
  std::vector<ChannelSession*> closed_;  // to be destroyed at the end of the turn
  // By slot, for sessions that speak TLS; without any it is empty, so that the others do not pay for it.
  std::vector<std::unique_ptr<net::TlsConnection>> tls_;
  Slab<ChannelSession> sessions_;  // last: sessions refer to everything above
};

}  // namespace pushwire::session
