// Loader: one client process of the load: opens its share of the connections, publishes, receives and accounts, as the
// parent's orders say. Thread: the process's only one. Lifetime: made after fork(), until the order to quit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/ledger.h"
#include "bench/publisher.h"
#include "bench/share.h"
#include "bench/shared.h"
#include "bench/web_client.h"
#include "net/event_loop.h"

namespace pushwire::bench {

// Wakes a sleeping loop at a moment that milliseconds are too coarse for.
class PreciseTimer final : public net::IoHandler {
 public:
  explicit PreciseTimer(net::EventLoop& loop);
  void set(std::int64_t at_ns) noexcept;  // 0: never
  void on_io(std::uint32_t events) override;

 private:
  net::Fd fd_;
  std::int64_t at_ns_ = 0;
};

class Loader final : public WebClientOwner, public net::TurnHandler {
 public:
  Loader(const Plan& plan, const Share& share, SharedState& shared);

  // Until the order to quit.
  void run();

  net::EventLoop& loop() override { return loop_; }
  std::string opening_request(const WebClient& client) override;
  std::string hello(const WebClient& client) override;
  void on_ready(WebClient& client) override;
  void on_message(WebClient& client, std::string_view payload) override;
  void on_gone(WebClient& client, std::string_view why) override;

  void drain_mail() override {}
  void on_timers(MonotonicMs now) override { loop_.timers().expire(now); }
  void flush() override;
  void destroy_closed() override {}
  bool has_work() const override { return !to_open_.empty() && opening_ < max_opening_; }

 private:
  static constexpr std::size_t kOpenedPerTurn = 256;

  void take_order(std::uint64_t order, std::int64_t now_ns);
  bool is_over(std::int64_t now_ns);
  bool is_load_over(std::int64_t now_ns);
  void open_all(std::uint32_t at_the_same_time);
  void open_some(std::int64_t now_ns);
  void stop(WebClient& client);
  void prepare();
  void begin_load(std::int64_t now_ns);
  void churn(std::int64_t now_ns);
  void account();
  TemplateValues values_of(const WebClient& client) const;
  const Target& node_of(const WebClient& client) const {
    return plan_.nodes[global_number(client) % plan_.nodes.size()];
  }
  std::uint32_t global_number(const WebClient& client) const {
    return share_.first_user * plan_.devices + client.number();
  }

  const Plan& plan_;
  const Share share_;
  SharedState& shared_;
  LoaderStats& stats_;
  net::EventLoop loop_;
  PreciseTimer timer_;
  Publisher publisher_;

  std::vector<std::unique_ptr<WebClient>> clients_;
  std::vector<Role> roles_;
  std::vector<bool> up_;
  std::vector<bool> expecting_;  // stood when the load began: everything for it is accounted
  std::vector<std::uint32_t> churners_;
  Ledger ledger_;

  std::uint64_t order_ = 0;
  Phase phase_ = Phase::kRest;
  std::int64_t phase_start_ns_ = 0;
  std::int64_t sent_all_ns_ = 0;
  std::vector<std::uint32_t> to_open_;
  std::size_t opening_ = 0;
  std::size_t max_opening_ = 0;
  std::uint64_t expecting_count_ = 0;
  std::uint64_t churned_ = 0;
};

}  // namespace pushwire::bench
