// Publisher: sends the messages of one client process: pushes to its own users and, in the first process, broadcasts.
//
// Open loop: message n is due at start + n / rate, whatever the server does meanwhile, and its latency counts from that
// moment (no coordinated omission). Closed loop: a connection sends the next when the one before is answered; a
// broadcast, when the one before has reached everyone. A user always belongs to the same connection, so that the order
// of a user's messages is defined. Thread: the client process's only one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "bench/http_client.h"
#include "bench/options.h"
#include "bench/share.h"
#include "bench/shared.h"

namespace pushwire::bench {

class Publisher final : public HttpClientOwner {
 public:
  Publisher(net::EventLoop& loop, const Plan& plan, const Share& share, SharedState& shared);

  // `users`: those of this process that may be pushed to (numbers local to it); `readers`: connections of all processes
  // that account for broadcasts.
  void start(std::vector<std::uint32_t> users, std::uint64_t readers, std::int64_t now_ns);
  // Sends what is due. To be called in every turn, and at next_due_ns().
  void step(std::int64_t now_ns);
  // When something will be due by the clock alone; 0: nothing.
  std::int64_t next_due_ns() const noexcept;
  // Nothing more will be sent and all is answered.
  bool over() const noexcept { return started_ && pushes_over_ && broadcasts_over_ && open_ == 0; }

  std::uint32_t pushed(std::uint32_t local_user) const noexcept { return pushed_[local_user]; }
  // Pushes to the user that got no 2xx; they may have arrived or not.
  const std::unordered_set<std::uint32_t>& excused(std::uint32_t local_user) const;
  std::unordered_set<std::uint32_t> excused_broadcasts() const;
  // Pushes answered 2xx, each times `connections of its user`.
  std::uint64_t accepted_pushes() const noexcept { return accepted_pushes_; }

  net::EventLoop& loop() override { return loop_; }
  void on_answer(std::size_t client, const PublishRequest& request, int status, std::string_view why) override;

 private:
  static constexpr std::size_t kMaxWaiting = 20'000;  // requests due but not answered: more is hopeless
  static constexpr std::uint32_t kMaxFailures = 100;

  void step_pushes(std::int64_t now_ns);
  void step_broadcasts(std::int64_t now_ns);
  void push(std::size_t client, std::int64_t due_ns);
  void push_next(std::size_t client);
  void broadcast(std::int64_t due_ns);
  std::uint32_t next_user(std::size_t client);
  bool may_push(std::int64_t due_ns) const noexcept;
  bool previous_broadcast_arrived() const noexcept;
  void refuse(const PublishRequest& request);
  const Target& push_target(std::size_t client) const {
    return plan_.push_targets[(client + share_.process) % plan_.push_targets.size()];
  }
  std::string http_request(const Target& target, const TextTemplate& body, std::uint32_t user,
                           std::string_view payload);

  net::EventLoop& loop_;
  const Plan& plan_;
  const Share share_;
  SharedState& shared_;
  LoaderStats& stats_;

  std::vector<std::unique_ptr<HttpClient>> clients_;  // the last one is for broadcasts
  std::vector<std::uint32_t> users_;                  // that are pushed to
  std::vector<std::uint32_t> turns_;                  // per client: how many it has sent
  std::vector<std::uint32_t> pushed_;                 // per local user
  std::vector<std::unordered_set<std::uint32_t>> excused_;
  std::uint64_t readers_ = 0;
  std::uint64_t accepted_pushes_ = 0;
  std::uint64_t ids_ = 0;
  std::uint64_t open_ = 0;
  std::int64_t start_ns_ = 0;
  std::int64_t end_ns_ = 0;
  double push_interval_ns_ = 0;  // 0: closed loop
  double broadcast_interval_ns_ = 0;
  std::uint64_t pushes_ = 0;
  std::uint64_t max_pushes_ = 0;
  std::uint32_t broadcasts_ = 0;
  std::uint32_t max_broadcasts_ = 0;
  std::uint32_t failures_ = 0;
  bool started_ = false;
  bool pushes_over_ = true;
  bool broadcasts_over_ = true;
};

}  // namespace pushwire::bench
