// The link to RocketMQ, over its remoting protocol: every node reads every queue of one topic from positions of its
// own. How it behaves when something fails: README.md beside this file.
#pragma once

#include <memory>

#include "bus/link.h"
#include "bus/settings.h"
#include "net/event_loop.h"

namespace pushwire::bus {

// Connects nothing yet. Thread and lifetime: see Link; `loop` and `events` outlive it.
std::unique_ptr<Link> make_rocketmq_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings);

}  // namespace pushwire::bus
