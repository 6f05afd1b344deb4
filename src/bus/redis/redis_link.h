// make_redis_link: carries records through one Redis server (6.2 or newer; https://redis.io/docs/latest/commands/), by
// Pub/Sub or through a stream (bus.redis.mode). What each promises and loses: README.md.
#pragma once

#include <memory>

#include "bus/link.h"
#include "bus/settings.h"
#include "net/client_stream.h"

namespace pushwire::bus {

std::unique_ptr<Link> make_redis_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings);
// For tests: over system calls that may fail. Null: the kernel's.
std::unique_ptr<Link> make_redis_link_over(const net::SocketCalls* calls, net::EventLoop& loop, LinkEvents& events,
                                           const Settings& settings);

}  // namespace pushwire::bus
