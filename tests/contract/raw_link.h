// RawLink: puts bytes on a bus that no node would: an adapter's link alone, without RemoteBus above it.
// One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters.h"
#include "bus/link.h"
#include "net/event_loop.h"

namespace pushwire::bus {

class RawLink final : private LinkEvents, private net::TurnHandler {
 public:
  RawLink(const Adapter& adapter, Settings settings);
  RawLink(const RawLink&) = delete;
  RawLink& operator=(const RawLink&) = delete;
  ~RawLink();

  // Waits until the server has it; false if it never said so.
  bool put(std::string_view bytes);
  std::size_t largest_record() const { return link_->largest_record(); }

 private:
  void on_up() override { up_ = true; }
  void on_down(std::string_view reason) override;
  void on_record(std::string_view, std::string_view) override {}
  void on_sent(std::uint64_t number, SendResult result) override;
  void on_gap(std::string_view) override {}
  void drain_mail() override {}
  void on_timers(MonotonicMs now) override { loop_.timers().expire(now); }
  void flush() override { link_->flush(); }
  void destroy_closed() override { link_->release(); }
  bool has_work() const override { return false; }

  bool turn_until(const bool& done);

  const Settings settings_;
  net::EventLoop loop_;
  std::unique_ptr<Link> link_;
  bool up_ = false;
  bool stored_ = false;
  std::uint64_t number_ = 0;
  std::string reason_;
};

}  // namespace pushwire::bus
