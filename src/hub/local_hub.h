// LocalHub: who gets which message, on one worker. It carries out the worker's mail on its sessions and topics.
// Thread: the worker's. Lifetime: as long as the worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/fanout.h"
#include "hub/node_counts.h"
#include "hub/router.h"
#include "hub/session_info.h"
#include "hub/topic_table.h"
#include "hub/worker_mail.h"
#include "metrics/worker_stats.h"
#include "net/event_loop.h"
#include "net/timer_wheel.h"
#include "session/options.h"
#include "session/session_manager.h"
#include "session/topic_permissions.h"

namespace pushwire::hub {

struct HubOptions {
  std::string node;  // name in the welcome
  session::SessionOptions session;
  session::TopicPermissions topics;  // what everybody may subscribe to
};

class LocalHub final : public session::SessionEvents, private TopicWatcher, private net::Timer {
 public:
  LocalHub(net::EventLoop& loop, metrics::WorkerStats& stats, WorkerMailbox& mailbox, NodeCounts& node,
           HubOptions options);
  ~LocalHub();

  void deliver(Deliver&& mail);
  // Takes a client over, who has a place by NodeCounts::admission. Gives it back, and the place, when its user has too
  // many connections and new ones are rejected.
  std::unique_ptr<session::PendingUpgrade> adopt(std::unique_ptr<session::PendingUpgrade> upgrade);
  Answer answer(const Question& question);
  // Says 3001 to every client, at this pace; who comes later is told at once.
  void drain(double rate_per_second);
  void set_options(HubOptions options);

  // A slice of the pushes to very many is waiting.
  bool has_work() const noexcept { return !fanout_.empty(); }
  // Before the flush of the turn: gives out the next slice.
  void step() { fanout_.step(finished_); }
  // After the flush of the turn: what was written is done with.
  void settle();

  session::SessionManager& sessions() noexcept { return sessions_; }
  bool drained() const noexcept { return draining_ && sessions_.size() == 0; }

  void on_enter(session::ChannelSession& session) override;
  void on_subscribe(session::ChannelSession& session, std::string_view topic) override;
  void on_unsubscribe(session::ChannelSession& session, std::string_view topic) override;
  void on_leave(session::ChannelSession& session) override;

 private:
  void on_topic_appeared(std::string_view topic) override { node_.topics.add(topic); }
  void on_topic_vanished(std::string_view topic) override { node_.topics.remove(topic); }
  void on_timer(MonotonicMs now) override;

  void give_to_user(std::string_view user, LocalMessage& message, bool expired);
  void welcome(session::ChannelSession& session, std::string_view response);
  SessionList list_sessions(const ListSessions& question);
  Count kick(const KickUser& question);

  net::EventLoop& loop_;
  metrics::WorkerStats& stats_;
  WorkerMailbox& mailbox_;
  NodeCounts& node_;
  HubOptions options_;
  TopicTable topics_;
  session::SessionManager sessions_;
  Fanout fanout_;
  std::vector<Fanout::Finished> finished_;  // handed over in this turn, not flushed yet
  QuietLog expired_log_;
  bool draining_ = false;
  double drain_rate_ = 0;
  double drain_credit_ = 0;
  MonotonicMs drained_at_ = 0;
  std::uint32_t drain_cursor_ = 0;
};

}  // namespace pushwire::hub
