// Subscription: where a channel session stands in the topic table. The numbers mean something to the table alone.
// A value; thread: the worker's.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace pushwire::session {

struct Subscription {
  std::uint32_t topic;     // slot of the topic
  std::uint32_t position;  // place in its list of subscribers
};

// Empty for the many sessions without a topic, so that they pay eight bytes.
using SubscriptionList = std::unique_ptr<std::vector<Subscription>>;

}  // namespace pushwire::session
