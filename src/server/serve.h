// `pushwire serve`: the node's life as a process: signals, log, exit code. Main thread.
#pragma once

#include "server/command_line.h"
#include "server/config_load.h"

namespace pushwire::server {

// Runs until a signal ends it; returns the exit code.
int serve(const ServeCommand& command, const Environment& environment);

}  // namespace pushwire::server
