#include "session/session_manager.h"

#include "protocol/server_message.h"
#include "websocket/frame.h"

namespace pushwire::session {
namespace {

constexpr std::size_t kReceiveBufferBytes = 64 * 1024;

net::LocalBuffer control_frame(websocket::Opcode opcode, std::string_view payload) {
  return {websocket::encode_frame(opcode, payload), net::FrameKind::kControl};
}

}  // namespace

SessionManager::SessionManager(net::EventLoop& loop, metrics::WorkerStats& stats, SessionEvents& events,
                               SessionOptions options)
    : loop_(loop),
      stats_(stats),
      events_(events),
      options_(options),
      receive_buffer_(kReceiveBufferBytes),
      ping_(control_frame(websocket::Opcode::kPing, {})),
      pong_text_(control_frame(websocket::Opcode::kText, protocol::pong_text())) {}

SessionManager::~SessionManager() = default;

bool SessionManager::make_room(std::string_view user) {
  const std::size_t limit = options_.max_connections_per_user;
  UserSession* found = find_user(user);
  if (limit == 0 || found == nullptr || found->count() < limit) {
    return true;
  }
  if (options_.on_limit == LimitPolicy::kRejectNew) {
    return false;
  }
  // The user session goes with its last channel session, so it is counted down here and not asked again.
  for (std::size_t over = found->count() - limit + 1; over > 0; --over) {
    stats_.evictions.add();
    found->oldest()->close(protocol::Disconnect::kDisplaced);
  }
  return true;
}

ChannelSession* SessionManager::admit(PendingUpgrade& upgrade) {
  if (!make_room(upgrade.user)) {
    return nullptr;
  }
  auto user = users_.find(std::string_view(upgrade.user));
  if (user == users_.end()) {
    user = users_.insert(UserSession::create(upgrade.user)).first;
    stats_.users.add(1);
  }
  PatternSetRef permissions =
      upgrade.patterns.empty() ? PatternSetRef{} : patterns_.intern(std::move(upgrade.patterns));
  ChannelSession& session =
      sessions_.emplace(*this, **user, std::move(upgrade), std::move(permissions), random_.next());
  (*user)->add(session);
  ids_.insert(&session);
  stats_.connections.add(1);
  events_.on_enter(session);
  session.start();
  return &session;
}

UserSession* SessionManager::find_user(std::string_view user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? nullptr : found->get();
}

ChannelSession* SessionManager::find_session(const SessionId& id) const {
  const auto found = ids_.find(id);
  return found == ids_.end() ? nullptr : *found;
}

ChannelSession* SessionManager::next_open(std::uint32_t& cursor) {
  ChannelSession* session = sessions_.next(cursor);
  while (session != nullptr && !session->is_open()) {
    session = sessions_.next(cursor);
  }
  return session;
}

void SessionManager::remove(ChannelSession& session) {
  ids_.erase(&session);
  UserSession& user = session.user();
  user.remove(session);
  if (user.count() == 0) {
    users_.erase(users_.find(user.user()));
    stats_.users.add(-1);
  }
  stats_.connections.add(-1);
}

void SessionManager::keep_tls(std::uint32_t slot, std::unique_ptr<net::TlsConnection> tls) {
  if (tls_.size() <= slot) {
    tls_.resize(slot + 1);
  }
  tls_[slot] = std::move(tls);
}

void SessionManager::set_options(const SessionOptions& options) {
  options_ = options;
  std::uint32_t cursor = 0;
  while (ChannelSession* session = next_open(cursor)) {
    session->watch(loop_.now());
  }
}

void SessionManager::flush() {
  // A flush may fail and close a session, whose close may touch others: those come into the next list.
  while (!dirty_.empty()) {
    for (ChannelSession* session : dirty_) {
      if (net::Outbox* outbox = session->begin_flush(); outbox != nullptr) {
        flushing_.push_back({session, outbox->bytes()});
        jobs_.push_back({.fd = session->fd(), .outbox = outbox, .tls = session->tls()});
      }
    }
    dirty_.clear();
    sender_->send(jobs_);
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      flushing_[i].session->end_flush(jobs_[i].result, flushing_[i].before - jobs_[i].outbox->bytes());
    }
    flushing_.clear();
    jobs_.clear();
  }
}

void SessionManager::destroy_closed() {
  for (ChannelSession* session : closed_) {
    sessions_.erase(session->slot());
  }
  closed_.clear();
}

}  // namespace pushwire::session
