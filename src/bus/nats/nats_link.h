// make_nats_link: carries records through NATS servers (https://docs.nats.io/reference/reference-protocols), in core
// mode or through JetStream (bus.nats.mode). What each promises and loses: README.md.
#pragma once

#include <memory>

#include "bus/link.h"
#include "bus/settings.h"
#include "net/event_loop.h"

namespace pushwire::bus {

std::unique_ptr<Link> make_nats_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings);

}  // namespace pushwire::bus
