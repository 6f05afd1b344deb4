// Cluster: the other nodes on the bus. It announces this node, knows who lives, puts questions to all of them and
// answers theirs with what this node's workers say.
//
//   API's worker --ask()--> question to all --bus--> on_control() --Ask mail--> workers --answer()--> answer to the
//   asker --bus--> on_control() --Reply mail--> API's worker
//
// Any thread; tick() on one. Its mutex is taken for what nodes say to each other and for calls of the API that concern
// all nodes, never for a push (ADR 0011). Never blocks on the bus. Lifetime: outlives the bus's threads and the
// workers.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/quiet_log.h"
#include "bus/bus.h"
#include "hub/control_codec.h"
#include "hub/control_sink.h"
#include "hub/hearing.h"
#include "hub/members.h"
#include "hub/question_memory.h"
#include "hub/router.h"
#include "hub/session_info.h"
#include "hub/survey.h"

namespace pushwire::hub {

struct ClusterOptions {
  std::string name;  // of this node
  // What this node says about itself at this moment. Any thread.
  std::function<Announcement()> state;
  std::function<MonotonicMs()> clock = monotonic_ms;
  AnswerLimits limits = {};
};

class Cluster final : public ControlSink {
 public:
  static constexpr MonotonicMs kAnnounceEvery = 2'000;
  static constexpr MonotonicMs kAnnounceAgain = 500;  // until it has heard itself
  static constexpr MonotonicMs kPatience = 1'000;     // with the others' answers
  // A bus with a store hands over after an outage what was asked meanwhile: nobody waits for it any more, and whom a
  // late kick would close may be another client by now. By the nodes' wall clocks.
  static constexpr WallMs kOldestQuestion = 10'000;
  static constexpr std::size_t kMostQuestions = 1'024;  // under way, from here and to here

  Cluster(bus::Bus& bus, const Router& router, ClusterOptions options);

  // Puts the question to all other nodes; this one's workers are asked by mail as ever. One OthersAnswer comes as Reply
  // mail to `reply_to` within about kPatience: at once if there is nobody else, or no way to ask. It is complete only
  // if this node knows who there is.
  void ask(const Question& question, ReplyTo reply_to);
  // A worker answers an Ask whose reply_to.worker was kOtherNode.
  void answer(std::uint64_t call, Answer&& answer);
  // Every 100 ms or so.
  void tick();
  // This node stops: the others need not wait until it is silent for long. Before Bus::stop().
  void leave();

  // The other nodes, by name. heard_at is a time of the options' clock.
  std::vector<Member> others() const;
  // How many nodes live, this one included, as far as can be heard.
  std::size_t living() const;
  MonotonicMs now() const { return options_.clock(); }

  void on_control(const bus::Envelope& envelope) override;

 private:
  // A question of another node on its way through the workers.
  struct Asked {
    NodeQuestion question;
    std::string from;
    std::uint64_t from_run = 0;
    std::uint32_t waiting = 0;  // workers
    MonotonicMs deadline = 0;
    Answer answer;
  };

  bool send(std::string_view to, std::uint64_t run, decltype(ControlMessage::body) body);
  void announce(bool curious);
  bool is_due(bool up, MonotonicMs now) const;
  std::vector<std::pair<ReplyTo, OthersAnswer>> take_overdue(MonotonicMs now);
  void reply(const ReplyTo& reply_to, OthersAnswer&& answer) const;
  void hear(const bus::Envelope& envelope, std::uint64_t run, const Announcement& announcement);
  void hear(std::uint64_t run, const Goodbye& goodbye);
  void hear(const bus::Envelope& envelope, std::uint64_t run, NodeQuestion&& question);
  void hear(const bus::Envelope& envelope, std::uint64_t run, NodeAnswer&& answer);

  bus::Bus& bus_;
  const Router& router_;
  const ClusterOptions options_;
  const std::uint64_t run_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Members members_;
  Hearing hearing_;
  QuestionMemory questions_{kOldestQuestion};
  std::unordered_map<std::uint64_t, Survey> surveys_;
  std::unordered_map<std::uint64_t, Asked> asked_;
  std::uint64_t next_number_ = 1;
  bool was_up_ = false;
  bool left_ = false;
  bool wanted_ = false;  // somebody wants to hear this node
  MonotonicMs ticked_at_ = 0;
  MonotonicMs announced_at_ = 0;
  QuietLog twin_log_{60'000};
  QuietLog crowd_log_{60'000};
  QuietLog damage_log_{60'000};
  QuietLog old_log_{60'000};
};

}  // namespace pushwire::hub
