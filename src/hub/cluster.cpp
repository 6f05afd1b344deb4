#include "hub/cluster.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <tuple>
#include <utility>
#include <variant>

namespace pushwire::hub {
namespace {

// After so long between two ticks this node did not run, and its own silence is not the others'.
constexpr MonotonicMs kLateTick = 2'000;
// Answers and their envelopes have to fit into a record of the bus beside kind, key, origin and the like.
constexpr std::size_t kRecordOverhead = 1'024;

std::uint64_t random_run() {
  std::random_device random;
  return (std::uint64_t{random()} << 32) | random();
}

void merge(Answer& sum, Answer&& part) {
  if (auto* list = std::get_if<SessionList>(&part)) {
    auto& sessions = std::get<SessionList>(sum).sessions;
    std::move(list->sessions.begin(), list->sessions.end(), std::back_inserter(sessions));
  } else {
    std::get<Count>(sum).count += std::get<Count>(part).count;
  }
}

OthersAnswer incomplete(OthersAnswer&& answer) {
  answer.complete = false;
  return std::move(answer);
}

}  // namespace

Cluster::Cluster(bus::Bus& bus, const Router& router, ClusterOptions options)
    : bus_(bus), router_(router), options_(std::move(options)), run_(random_run()) {}

bool Cluster::send(std::string_view to, std::uint64_t run, decltype(ControlMessage::body) body) {
  bus::Envelope envelope;
  envelope.kind = bus::EnvelopeKind::kControl;
  envelope.key = to;
  envelope.payload = encode_control({run, std::move(body)});
  envelope.born_ms = wall_ms();
  envelope.origin = options_.name;
  const auto outcome = bus_.publish(std::move(envelope), {.worker = kOtherNode, .call = 0});
  return !outcome || *outcome == bus::PublishOutcome::kAccepted;
}

void Cluster::announce(bool curious) {
  Announcement announcement = options_.state();
  announcement.curious = curious;
  send({}, run_, std::move(announcement));
}

void Cluster::reply(const ReplyTo& reply_to, OthersAnswer&& answer) const {
  router_.post(reply_to.worker, Reply{reply_to.call, std::move(answer)});
}

// --- time --------------------------------------------------------------------------------------------------------

void Cluster::tick() {
  const bool up = bus_.health().up;
  const MonotonicMs now = options_.clock();
  std::vector<std::pair<ReplyTo, OthersAnswer>> over;
  bool curious = false;
  bool due = false;
  {
    const std::lock_guard lock(mutex_);
    if (up && !was_up_) {
      hearing_.came_up();
      announced_at_ = now - kAnnounceEvery;
    }
    // Nobody is known to have gone while this node did not run, or hears nobody.
    if (!up || now - ticked_at_ >= kLateTick || !hearing_.is_good(now)) {
      members_.pardon(now);
    } else {
      members_.expire(now);
    }
    was_up_ = up;
    ticked_at_ = now;
    over = take_overdue(now);
    std::erase_if(asked_, [now](const auto& entry) { return now >= entry.second.deadline; });
    curious = hearing_.is_curious();
    due = is_due(up, now);
    if (due) {
      announced_at_ = now;
      wanted_ = false;
    }
  }
  for (auto& [reply_to, answer] : over) {
    reply(reply_to, std::move(answer));
  }
  if (due) {
    announce(curious);
  }
}

bool Cluster::is_due(bool up, MonotonicMs now) const {
  const MonotonicMs every = hearing_.is_curious() ? kAnnounceAgain : kAnnounceEvery;
  return up && !left_ && (wanted_ || now - announced_at_ >= every);
}

// The surveys whose time is over.
std::vector<std::pair<ReplyTo, OthersAnswer>> Cluster::take_overdue(MonotonicMs now) {
  std::vector<std::pair<ReplyTo, OthersAnswer>> over;
  for (auto it = surveys_.begin(); it != surveys_.end();) {
    Survey& survey = it->second;
    if (now < survey.deadline()) {
      ++it;
      continue;
    }
    const bool knew_all = survey.until() == Survey::Until::kAllHaveAnswered;
    if (!knew_all) {
      survey.expect(members_.all(), run_);  // those that were heard since
    }
    OthersAnswer& answer = over.emplace_back(survey.reply_to(), survey.take()).second;
    answer.complete = answer.complete && (knew_all || hearing_.knows_all(now));
    it = surveys_.erase(it);
  }
  return over;
}

void Cluster::leave() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(left_, true)) {
      return;
    }
  }
  if (bus_.health().up) {
    send({}, run_, Goodbye{});
  }
}

// --- questions ---------------------------------------------------------------------------------------------------

void Cluster::ask(const Question& question, ReplyTo reply_to) {
  const bool up = bus_.health().up;
  const MonotonicMs now = options_.clock();
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto until = hearing_.knows_all(now) ? Survey::Until::kAllHaveAnswered : Survey::Until::kDeadline;
    Survey survey(reply_to, now + kPatience, until);
    survey.expect(members_.all(), run_);
    if (!up || surveys_.size() >= kMostQuestions) {
      reply(reply_to, incomplete(survey.take()));
      return;
    }
    if (survey.done()) {
      reply(reply_to, survey.take());
      return;
    }
    number = next_number_++;
    surveys_.emplace(number, std::move(survey));
  }
  // Not under the lock: a bus may answer on this very thread.
  if (send({}, run_, NodeQuestion{number, question})) {
    return;
  }
  const std::lock_guard lock(mutex_);
  if (const auto found = surveys_.find(number); found != surveys_.end()) {
    reply(reply_to, incomplete(found->second.take()));
    surveys_.erase(found);
  }
}

void Cluster::answer(std::uint64_t call, Answer&& answer) {
  Asked done;
  {
    const std::lock_guard lock(mutex_);
    const auto found = asked_.find(call);
    if (found == asked_.end()) {
      return;  // whoever asked waits no longer
    }
    merge(found->second.answer, std::move(answer));
    if (--found->second.waiting > 0) {
      return;
    }
    done = std::move(found->second);
    asked_.erase(found);
  }
  AnswerLimits limits = options_.limits;
  const std::size_t largest = bus_.largest_record();
  limits.part_bytes = std::min(limits.part_bytes, largest > kRecordOverhead ? largest - kRecordOverhead : 1);
  for (NodeAnswer& part : split_answer(done.question, done.from_run, std::move(done.answer), limits)) {
    if (!send(done.from, run_, std::move(part))) {
      return;  // to whoever asked this node is missing
    }
  }
}

// --- what is heard -----------------------------------------------------------------------------------------------

void Cluster::on_control(const bus::Envelope& envelope) {
  if (!envelope.key.empty() && envelope.key != options_.name) {
    return;
  }
  DecodedControl decoded = decode_control(envelope.payload);
  if (!decoded.message || !is_node_name(envelope.origin)) {
    if (decoded.message || decoded.fault == ControlFault::kDamaged) {
      const std::lock_guard lock(mutex_);
      damage_log_.warn(options_.clock(), "skipping what a node has said, since it is damaged: {} bytes",
                       envelope.payload.size());
    }
    return;
  }
  const std::uint64_t run = decoded.message->run;
  if (auto* announcement = std::get_if<Announcement>(&decoded.message->body)) {
    hear(envelope, run, *announcement);
  } else if (run == run_) {
    return;  // this node's own words
  } else if (const auto* goodbye = std::get_if<Goodbye>(&decoded.message->body)) {
    hear(run, *goodbye);
  } else if (auto* question = std::get_if<NodeQuestion>(&decoded.message->body)) {
    hear(envelope, run, std::move(*question));
  } else {
    hear(envelope, run, std::move(std::get<NodeAnswer>(decoded.message->body)));
  }
}

// This node hears itself too: that is how it finds out that another one has its name.
void Cluster::hear(const bus::Envelope& envelope, std::uint64_t run, const Announcement& announcement) {
  const MonotonicMs now = options_.clock();
  const std::lock_guard lock(mutex_);
  if (run == run_) {
    hearing_.heard_itself(now);
  }
  wanted_ = wanted_ || (announcement.curious && run != run_);
  switch (members_.hear(envelope.origin, run, announcement, now)) {
    case Members::Heard::kFine:
    case Members::Heard::kGone:
      return;
    case Members::Heard::kTwin:
      twin_log_.warn(now, "two living nodes call themselves \"{}\": give each its own node.name", envelope.origin);
      return;
    case Members::Heard::kTooMany:
      crowd_log_.warn(now, "there are more than {} nodes: \"{}\" is not listed nor asked", Members::kMost,
                      envelope.origin);
  }
}

void Cluster::hear(std::uint64_t run, const Goodbye&) {
  const std::lock_guard lock(mutex_);
  members_.leave(run, options_.clock());
  for (auto it = surveys_.begin(); it != surveys_.end();) {
    it->second.leave(run);
    if (it->second.done()) {
      reply(it->second.reply_to(), it->second.take());
      it = surveys_.erase(it);
    } else {
      ++it;
    }
  }
}

void Cluster::hear(const bus::Envelope& envelope, std::uint64_t run, NodeQuestion&& question) {
  if (const WallMs age = wall_ms() - envelope.born_ms; age > kOldestQuestion) {
    const std::lock_guard lock(mutex_);
    old_log_.warn(options_.clock(), "leaving out a question of node \"{}\" that is {} ms old (or its clock is wrong)",
                  envelope.origin, age);
    return;
  }
  const Question asked = question.question;
  const auto* count = std::get_if<CountSubscribers>(&asked);
  std::uint64_t call = 0;
  {
    const std::lock_guard lock(mutex_);
    const MonotonicMs now = options_.clock();
    if (asked_.size() >= kMostQuestions || !questions_.is_new(run, question.number, now)) {
      return;  // in the first case this node is missing to whoever asked
    }
    call = next_number_++;
    Asked& entry = asked_[call];
    entry.question = std::move(question);
    entry.from = envelope.origin;
    entry.from_run = run;
    entry.waiting = count != nullptr ? router_.worker_count() : 1;
    entry.deadline = now + 2 * kPatience;
    if (!std::holds_alternative<ListSessions>(asked)) {
      entry.answer = Count{};
    }
  }
  if (count != nullptr) {
    for (std::uint32_t worker = 0; worker < router_.worker_count(); ++worker) {
      router_.post(worker, Ask{asked, {kOtherNode, call}});
    }
    return;
  }
  const auto* list = std::get_if<ListSessions>(&asked);
  const std::string& user = list != nullptr ? list->user : std::get<KickUser>(asked).user;
  router_.post(router_.home_worker(user), Ask{asked, {kOtherNode, call}});
}

void Cluster::hear(const bus::Envelope& envelope, std::uint64_t run, NodeAnswer&& answer) {
  if (answer.to_run != run_) {
    return;
  }
  const std::lock_guard lock(mutex_);
  const auto found = surveys_.find(answer.number);
  if (found == surveys_.end()) {
    return;  // too late
  }
  found->second.hear(envelope.origin, run, std::move(answer));
  if (found->second.done()) {
    reply(found->second.reply_to(), found->second.take());
    surveys_.erase(found);
  }
}

// --- who is there ------------------------------------------------------------------------------------------------

std::vector<Member> Cluster::others() const {
  std::vector<Member> list;
  {
    const std::lock_guard lock(mutex_);
    std::copy_if(members_.all().begin(), members_.all().end(), std::back_inserter(list),
                 [this](const Member& member) { return member.run != run_; });
  }
  std::sort(list.begin(), list.end(), [](const Member& left, const Member& right) {
    return std::tie(left.name, left.run) < std::tie(right.name, right.run);
  });
  return list;
}

std::size_t Cluster::living() const {
  const MonotonicMs now = options_.clock();
  const std::lock_guard lock(mutex_);
  return 1 + static_cast<std::size_t>(std::count_if(members_.all().begin(), members_.all().end(), [&](const Member& m) {
           return m.run != run_ && now - m.heard_at < Members::kSilence;
         }));
}

}  // namespace pushwire::hub
