// ZooKeeperLink: records as sequential znodes under <root>/<namespace>/messages, for small clusters that run nothing
// else. The server numbers them, each node asks for the next number and leaves a watch where it is not there yet, and
// takes its own records away again when nobody can want them any more.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bus/link.h"
#include "bus/settings.h"
#include "bus/zookeeper/znode_tree.h"
#include "net/event_loop.h"
#include "net/socket_calls.h"

namespace pushwire::bus {

// For the thread of `loop`; `loop` and `events` outlive the link. Of the settings it takes zookeeper, name_space and
// max_replay_age.
std::unique_ptr<Link> make_zookeeper_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings);

// Opens a session with servers that are given as addresses; it tells an eventfd of events.
using SessionOpener = std::function<Result<std::unique_ptr<ZNodeTree>>(const std::string& servers, int wake_fd)>;
// For tests: over a server in memory and system calls that may fail.
std::unique_ptr<Link> make_zookeeper_link_over(SessionOpener open, const net::SocketCalls& calls, net::EventLoop& loop,
                                               LinkEvents& events, const Settings& settings);

}  // namespace pushwire::bus
