// ClusterTimer: what makes a Cluster's time pass, on one worker's loop.
// Thread: that worker's. Lifetime: shorter than the loop's and the cluster's.
#pragma once

#include "hub/cluster.h"
#include "net/event_loop.h"
#include "net/timer_wheel.h"

namespace pushwire::hub {

class ClusterTimer final : private net::Timer {
 public:
  ClusterTimer(net::EventLoop& loop, Cluster& cluster) : loop_(loop), cluster_(cluster) {
    loop_.timers().arm(*this, loop_.now());
  }

 private:
  void on_timer(MonotonicMs now) override {
    cluster_.tick();
    loop_.timers().arm(*this, now + 1);  // the wheel's next tick
  }

  net::EventLoop& loop_;
  Cluster& cluster_;
};

}  // namespace pushwire::hub
