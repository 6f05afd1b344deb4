// NodeCounts: what the workers of a node count together. Any thread. Lifetime: outlives router and workers.
#pragma once

#include "hub/admission.h"
#include "hub/presence.h"
#include "hub/topic_census.h"

namespace pushwire::hub {

struct NodeCounts {
  TopicCensus topics;
  Admission admission;
  // One entry per channel session, made before anything is written to it.
  Presence users;     // by hash_name()
  Presence sessions;  // by SessionId::hash()
};

}  // namespace pushwire::hub
