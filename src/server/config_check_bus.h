// Rules over several keys of the tables [bus] and [bus.*]: who logs in with what, and how.
// Pure functions, any thread. Every table is judged, also those of a kind that is not chosen.
#pragma once

#include "server/config_result.h"

namespace pushwire::server {

// Adds the mistakes it finds; keys that were refused already are not judged again.
void check_bus_rules(LoadResult& result);

}  // namespace pushwire::server
