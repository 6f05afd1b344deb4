// A run: one mode as a sequence of phases, with readings in between. Thread: main.
#pragma once

#include "base/result.h"
#include "bench/options.h"
#include "bench/report.h"

namespace pushwire::bench {

struct Outcome {
  Report report;
  bool fine = false;  // nothing lost, duplicated or astray, no connection failed or was dropped
};

// Starts the server if told so, carries the mode out, ends the server.
Result<Outcome> run(Options options);

}  // namespace pushwire::bench
