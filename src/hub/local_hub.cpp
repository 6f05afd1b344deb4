#include "hub/local_hub.h"

#include <algorithm>

#include "base/hash.h"
#include "protocol/client_message.h"
#include "protocol/disconnect.h"
#include "protocol/server_message.h"

namespace pushwire::hub {

using protocol::Disconnect;
using session::ChannelSession;
using session::UserSession;

LocalHub::LocalHub(net::EventLoop& loop, metrics::WorkerStats& stats, WorkerMailbox& mailbox, NodeCounts& node,
                   HubOptions options)
    : loop_(loop),
      stats_(stats),
      mailbox_(mailbox),
      node_(node),
      options_(std::move(options)),
      topics_(*this),
      sessions_(loop, stats, *this, options_.session),
      fanout_(sessions_, topics_, stats) {}

LocalHub::~LocalHub() = default;

// --- pushes ------------------------------------------------------------------------------------------------------

void LocalHub::give_to_user(std::string_view user, LocalMessage& message, bool expired) {
  UserSession* found = sessions_.find_user(user);
  ChannelSession* session = found == nullptr ? nullptr : found->oldest();
  while (session != nullptr) {
    // A slow session is closed by what it is given, and leaves the list at that moment.
    ChannelSession* next = session->newer();
    message.give(*session, stats_, expired);
    session = next;
  }
}

void LocalHub::deliver(Deliver&& mail) {
  if (const auto* topic = std::get_if<ToTopic>(&mail.target)) {
    fanout_.add_topic(topic->topic, std::move(mail.message), mail.reserved);
    return;
  }
  if (std::holds_alternative<ToAll>(mail.target)) {
    fanout_.add_all(std::move(mail.message), mail.reserved);
    return;
  }
  LocalMessage message(std::move(mail.message));
  const bool expired = message.message().expired(wall_ms());
  if (expired) {
    expired_log_.warn(loop_.now(), "dropping a message: its ttl_ms passed while it waited for its turn");
  }
  if (const auto* one = std::get_if<ToUser>(&mail.target)) {
    give_to_user(one->user, message, expired);
  } else if (const auto* some = std::get_if<ToUsers>(&mail.target)) {
    for (const std::string& user : some->users) {
      give_to_user(user, message, expired);
    }
  } else if (ChannelSession* session = sessions_.find_session(std::get<ToSession>(mail.target).session)) {
    message.give(*session, stats_, expired);
  }
  finished_.push_back({message.pointer(), message.sockets(), mail.reserved});
}

void LocalHub::settle() {
  if (finished_.empty()) {
    return;
  }
  const std::int64_t now = monotonic_ns();
  for (const Fanout::Finished& done : finished_) {
    mailbox_.release(done.reserved);
    if (done.message->worker_done(done.sockets)) {
      stats_.push_seconds.observe_ns(now - done.message->received_ns());
    }
  }
  finished_.clear();
}

// --- connections -------------------------------------------------------------------------------------------------

std::unique_ptr<session::PendingUpgrade> LocalHub::adopt(std::unique_ptr<session::PendingUpgrade> upgrade) {
  ChannelSession* session = sessions_.admit(*upgrade);
  if (session == nullptr) {
    node_.admission.leave();
    return upgrade;
  }
  stats_.handshake(metrics::HandshakeResult::kAccepted);
  if (!session->is_open()) {
    return nullptr;
  }
  for (const std::string& topic : upgrade->topics) {
    if (topics_.subscribe(*session, topic) == TopicTable::Subscribed::kNew) {
      stats_.subscriptions.add(1);
    }
  }
  welcome(*session, upgrade->response);
  if (draining_) {
    session->close(Disconnect::kShutdown);
  }
  if (!upgrade->leftover.empty()) {
    session->receive(upgrade->leftover);
  }
  return nullptr;
}

void LocalHub::welcome(ChannelSession& session, std::string_view response) {
  const std::vector<std::string> topics = topics_.topics_of(session);
  const std::vector<std::string_view> names(topics.begin(), topics.end());
  const std::string id = session.id().to_string();
  protocol::WelcomeParts parts;
  parts.session = id;
  parts.user = session.user().user();
  parts.node = options_.node;
  parts.heartbeat_ms = options_.session.heartbeat_interval;
  parts.topics = names;
  session.greet(response, protocol::welcome_text(parts));
}

void LocalHub::on_subscribe(ChannelSession& session, std::string_view topic) {
  const auto refuse = [&](std::string_view code, std::string_view message) {
    session.send_text(protocol::error_text({code, message, topic}));
  };
  if (!options_.topics.allows(session.permissions(), topic)) {
    refuse(protocol::kTopicForbidden, "neither the token nor the configuration allows this topic");
    return;
  }
  const auto& list = session.subscriptions();
  const std::size_t count = list == nullptr ? 0 : list->size();
  if (count >= options_.session.max_topics_per_connection) {
    const std::vector<std::string> own = topics_.topics_of(session);
    if (std::find(own.begin(), own.end(), topic) == own.end()) {
      refuse(protocol::kTopicLimit, "this connection has as many topics as it may have");
      return;
    }
  }
  if (topics_.subscribe(session, topic) == TopicTable::Subscribed::kNew) {
    stats_.subscriptions.add(1);
  }
  session.send_text(protocol::subscribed_text(topic));
}

void LocalHub::on_unsubscribe(ChannelSession& session, std::string_view topic) {
  if (topics_.unsubscribe(session, topic)) {
    stats_.subscriptions.add(-1);
  }
  session.send_text(protocol::unsubscribed_text(topic));
}

void LocalHub::on_enter(ChannelSession& session) {
  node_.users.add(hash_name(session.user().user()));
  node_.sessions.add(session.id().hash());
}

void LocalHub::on_leave(ChannelSession& session) {
  node_.users.remove(hash_name(session.user().user()));
  node_.sessions.remove(session.id().hash());
  stats_.subscriptions.add(-static_cast<std::int64_t>(topics_.remove_all(session)));
  node_.admission.leave();
}

void LocalHub::set_options(HubOptions options) {
  options_ = std::move(options);
  sessions_.set_options(options_.session);
}

// --- questions ---------------------------------------------------------------------------------------------------

Answer LocalHub::answer(const Question& question) {
  if (const auto* list = std::get_if<ListSessions>(&question)) {
    return list_sessions(*list);
  }
  if (const auto* count = std::get_if<CountSubscribers>(&question)) {
    return Count{topics_.subscribers(count->topic)};
  }
  return kick(std::get<KickUser>(question));
}

SessionList LocalHub::list_sessions(const ListSessions& question) {
  SessionList list;
  const UserSession* user = sessions_.find_user(question.user);
  ChannelSession* session = user == nullptr ? nullptr : user->oldest();
  for (; session != nullptr; session = session->newer()) {
    list.sessions.push_back({session->id(), std::string(session->device()), session->remote(), session->connected_at(),
                             session->last_seen_at(), topics_.topics_of(*session)});
  }
  return list;
}

Count LocalHub::kick(const KickUser& question) {
  Count closed;
  UserSession* user = sessions_.find_user(question.user);
  ChannelSession* session = user == nullptr ? nullptr : user->oldest();
  while (session != nullptr) {
    ChannelSession* next = session->newer();
    if (!question.session || session->id() == *question.session) {
      session->close(Disconnect::kKicked);
      ++closed.count;
    }
    session = next;
  }
  return closed;
}

// --- drain -------------------------------------------------------------------------------------------------------

void LocalHub::drain(double rate_per_second) {
  if (draining_) {
    return;
  }
  draining_ = true;
  drain_rate_ = rate_per_second;
  drained_at_ = loop_.now();
  loop_.timers().arm(*this, loop_.now());
}

void LocalHub::on_timer(MonotonicMs now) {
  if (has_work()) {  // what was accepted is given out before anybody has to go
    drained_at_ = now;
    loop_.timers().arm(*this, now + 1);
    return;
  }
  drain_credit_ += drain_rate_ * static_cast<double>(now - drained_at_) / 1000.0;
  drained_at_ = now;
  while (drain_credit_ >= 1) {
    ChannelSession* session = sessions_.next_open(drain_cursor_);
    if (session == nullptr) {
      drain_cursor_ = 0;
      session = sessions_.next_open(drain_cursor_);
    }
    if (session == nullptr) {
      return;  // everybody has been told
    }
    session->close(Disconnect::kShutdown);
    drain_credit_ -= 1;
  }
  loop_.timers().arm(*this, now + 1);
}

}  // namespace pushwire::hub
