// WorkerMail: everything one worker may ask of another. Adding a line here is an architectural decision.
// Mail is moved, and never holds a pointer into a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "bus/bus.h"
#include "hub/message.h"
#include "hub/session_info.h"
#include "session/pending_upgrade.h"
#include "session/session_id.h"

namespace pushwire::hub {

struct ToUser {
  std::string user;
};
struct ToUsers {
  std::vector<std::string> users;  // those whose home is this worker
};
struct ToTopic {
  std::string topic;
};
struct ToSession {
  session::SessionId session;
};
struct ToAll {};
using Target = std::variant<ToUser, ToUsers, ToTopic, ToSession, ToAll>;

// Data: give this to your part of the target. Its bytes stay reserved in the mailbox until it is done.
struct Deliver {
  Target target;
  MessagePtr message;
  std::size_t reserved = 0;
};

// Control, all the others. Take over this client: its user lives with you.
struct Adopt {
  std::unique_ptr<session::PendingUpgrade> upgrade;
};

// Which question a node-wide call of the API put to you, and where the answer goes.
struct Ask {
  Question question;
  ReplyTo reply_to;
};
struct Reply {
  std::uint64_t call = 0;
  Answer answer;
};

// The bus has told how a publish() of one of your API calls went.
struct Published {
  std::uint64_t call = 0;
  bus::PublishOutcome outcome = bus::PublishOutcome::kUnavailable;
};

// New settings after a reload. What is in it belongs to the room above.
struct Settings {
  virtual ~Settings() = default;
};
struct Reconfigure {
  std::shared_ptr<const Settings> settings;
};

// Say goodbye to your clients at this pace.
struct Drain {
  double rate_per_second = 0;
};

using WorkerMail = std::variant<Deliver, Adopt, Ask, Reply, Published, Reconfigure, Drain>;

// What carrying it out costs, in users to look up.
inline std::size_t cost_of(const WorkerMail& mail) noexcept {
  const auto* deliver = std::get_if<Deliver>(&mail);
  const auto* some = deliver == nullptr ? nullptr : std::get_if<ToUsers>(&deliver->target);
  return some == nullptr ? 1 : some->users.size();
}

}  // namespace pushwire::hub
