// pushwire-bench: load for any WebSocket push server. docs/bench.md says how to use it.

#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "bench/options.h"
#include "bench/run.h"

namespace {

using pushwire::bench::Outcome;

constexpr int kFine = 0;
constexpr int kFaults = 1;
constexpr int kUsage = 2;
constexpr int kCannotRun = 3;

int bench(int count, const char* const* words) {
  pushwire::bench::ParsedOptions parsed = pushwire::bench::parse_options(count, words);
  if (!parsed.options) {
    return parsed.status;
  }
  const std::string json_file = parsed.options->json_file;
  const pushwire::Result<Outcome> outcome = pushwire::bench::run(std::move(*parsed.options));
  if (!outcome) {
    fmt::print(stderr, "pushwire-bench: {}\n", outcome.error().message);
    return kCannotRun;
  }
  fmt::print("{}{}\n", outcome->report.as_table(), outcome->fine ? "fine" : "NOT FINE");
  if (!json_file.empty()) {
    if (const pushwire::Result<> written = outcome->report.write_json(json_file); !written) {
      fmt::print(stderr, "pushwire-bench: {}\n", written.error().message);
      return kCannotRun;
    }
  }
  return outcome->fine ? kFine : kFaults;
}

}  // namespace

int main(int count, char** words) {
  try {
    return bench(count, words);
  } catch (const std::exception& error) {
    fmt::print(stderr, "pushwire-bench: {}\n", error.what());
    return kUsage;
  }
}
