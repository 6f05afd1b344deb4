// KafkaLink: records through a Kafka topic, with librdkafka: one handle that sends, one that reads all partitions.
// Every node reads every partition from its own offset: no consumer group, nothing is committed. Each record's key is
// its lane, so that a lane stays in one partition and in order.
#pragma once

#include <memory>

#include "bus/link.h"
#include "bus/settings.h"
#include "net/event_loop.h"

namespace pushwire::bus {

// For the thread of `loop`; `loop` and `events` outlive the link. Of the settings it takes kafka, name_space,
// publish_timeout and max_replay_age.
std::unique_ptr<Link> make_kafka_link(net::EventLoop& loop, LinkEvents& events, const Settings& settings);

}  // namespace pushwire::bus
