// Router: the way from any thread into the workers' mailboxes. Immutable after construction: an array and a hash.
// Any thread. Lifetime: the mailboxes and the node's counts outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "bus/envelope.h"
#include "hub/node_counts.h"
#include "hub/worker_mail.h"
#include "net/mailbox.h"

namespace pushwire::hub {

using WorkerMailbox = net::Mailbox<WorkerMail>;

enum class RouteStatus : std::uint8_t { kAccepted, kOverloaded, kUnsound };
// Where an envelope was last: in this process, whose API has looked at it, or on a bus that others can write to.
enum class From : std::uint8_t { kThisNode, kElsewhere };

// What one thread posts in a turn, kept back so that each mailbox is locked, and its worker woken, once for much of it.
// Thread: between carry_here() and put_down() the one that called both; else any, one at a time.
class Mailbag {
 public:
  // Beyond it what is for one worker goes out at once: that worker need not wait for a long turn, nor the bag grow.
  static constexpr std::size_t kMostPerWorker = 64;

  explicit Mailbag(const std::vector<WorkerMailbox*>& mailboxes) : mailboxes_(mailboxes), mail_(mailboxes.size()) {}
  Mailbag(const Mailbag&) = delete;
  Mailbag& operator=(const Mailbag&) = delete;
  // Requires: put down.
  ~Mailbag() = default;

  // From now on what this thread posts goes into this bag.
  void carry_here() noexcept { current_ = this; }
  // Posts what is in it, and this thread's mail at once from now on.
  void put_down();
  void deliver();
  // Null when this thread carries none.
  static Mailbag* current() noexcept { return current_; }
  void put(std::uint32_t worker, WorkerMail mail);

 private:
  // A thread's own: the bus calls its sink on the thread that published, so no argument could bring the bag here.
  static thread_local Mailbag* current_;

  const std::vector<WorkerMailbox*>& mailboxes_;
  std::vector<std::vector<WorkerMail>> mail_;  // by worker
};

class Router {
 public:
  // With `here`, pushes for whom the node certainly does not have cost no frame and no mail; without, all are mailed.
  explicit Router(std::vector<WorkerMailbox*> mailboxes, const NodeCounts* here = nullptr);

  std::uint32_t worker_count() const noexcept { return static_cast<std::uint32_t>(mailboxes_.size()); }
  // Where everything about this user happens. The same for the whole life of the process.
  std::uint32_t home_worker(std::string_view user) const noexcept;

  // Frames the push and mails it to every worker that may have receivers: to all of them, or to none when one is full.
  // Nobody here to receive it: accepted, whatever it is.
  [[nodiscard]] RouteStatus deliver(const bus::Envelope& envelope, From from = From::kThisNode) const;
  void post(std::uint32_t worker, WorkerMail mail) const;
  const std::vector<WorkerMailbox*>& mailboxes() const noexcept { return mailboxes_; }

 private:
  struct Part {
    std::uint32_t worker;
    Target target;
  };
  std::uint32_t worker_of(std::uint64_t hash) const noexcept;
  bool may_have_user(std::uint64_t hash) const noexcept { return here_ == nullptr || here_->users.may_have(hash); }
  std::vector<Part> split(const bus::Envelope& envelope) const;
  std::vector<Part> split_users(const bus::Envelope& envelope) const;
  std::vector<Part> for_all_workers(const Target& target) const;
  bool reserve(const std::vector<Part>& parts, std::size_t bytes) const;

  const std::vector<WorkerMailbox*> mailboxes_;
  const NodeCounts* const here_;
};

}  // namespace pushwire::hub
