// Rules over several keys of a configuration: what each value alone cannot tell.
// Pure function, any thread.
#pragma once

#include "server/config_result.h"

namespace pushwire::server {

// Adds a mistake for each rule that is broken; a rule over a refused value is not applied.
void check_rules(LoadResult& result);

}  // namespace pushwire::server
