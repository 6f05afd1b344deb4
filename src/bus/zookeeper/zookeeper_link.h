// ZooKeeperLink: records as sequential znodes under <root>/<namespace>/messages, for small clusters that run nothing
// else. The server numbers them, each node asks for the next number and leaves a watch where it is not there yet, and
// takes its own records away again when nobody can want them any more.
#pragma once

#include <memory>

#include "bus/link.h"
#include "bus/settings.h"
#include "net/event_loop.h"

namespace pushwire::bus {

// For the thread of `loop`; `loop` and `events` outlive the link. Of the settings it takes zookeeper, name_space and
// max_replay_age.
std::unique_ptr<Link> make_zookeeper_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings);

}  // namespace pushwire::bus
