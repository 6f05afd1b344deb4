// Options: what to do, from the command line. A value, constant once parsed; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/text_template.h"
#include "bench/url.h"

namespace pushwire::bench {

enum class Mode : std::uint8_t { kConnect, kIdle, kBroadcast, kPush, kStorm, kSlow, kSoak };

struct Options {
  Mode mode = Mode::kConnect;
  std::string mode_name;
  // The server.
  std::string preset = "pushwire";
  std::vector<std::string> urls;  // of the connections, by turns: several nodes of one cluster
  std::vector<std::string> headers;
  std::vector<std::string> hello;
  int skip = -1;
  std::string echo;
  std::string method = "POST";
  std::vector<std::string> publish_headers;
  std::vector<std::string> push_urls;  // of the connections that publish, by turns
  std::string push_body;
  std::string broadcast_url;
  std::string broadcast_body;
  std::vector<int> server_pids;
  std::string start;
  std::string ready_line = "ready";
  std::string tokens_file;
  bool allow_remote = false;
  // The load.
  std::uint32_t connections = 1000;
  std::uint32_t users = 0;  // 0: as many as connections
  std::uint32_t processes = 0;
  std::uint32_t in_flight = 200;
  double seconds = 10;
  std::uint32_t messages = 0;  // 0: as many as the seconds allow
  double rate = 0;             // pushes per second; 0: closed loop
  std::uint32_t concurrency = 16;
  double broadcast_rate = 0;  // 0: closed loop in mode broadcast, else none
  std::uint32_t size = 200;
  double stalled = 0.1;
  double churn = 0;  // soak: connections that leave and come back per second
  double minutes = 1;
  std::uint32_t rounds = 1;
  double leave = 0;
  double drain_seconds = 10;
  double settle_seconds = 1;
  bool strict_order = false;
  // How it is done and shown.
  std::vector<int> server_cores, client_cores;
  std::string json_file;
  bool quiet = false;
};

struct Target {
  Url url;
  TextTemplate path;  // url.target with its places
};

// What the client processes need, ready to use.
struct Plan {
  Options options;
  std::vector<Target> nodes;  // connection n goes to number n modulo their count; at least one
  std::vector<TextTemplate> headers, hello;
  std::vector<Target> push_targets;
  std::optional<Target> broadcast_target;
  TextTemplate push_body, broadcast_body;
  std::vector<TextTemplate> publish_headers;
  std::vector<std::string> tokens;
  std::uint32_t devices = 1;  // connections per user

  bool pushes() const noexcept;
  bool broadcasts() const noexcept;
  // Loads that end with the time, not with a number of messages.
  double load_seconds() const noexcept;
};

// Nothing when the program has to end with `status` (a mistake, or --help), all of it said.
struct ParsedOptions {
  std::optional<Options> options;
  int status = 0;
};
ParsedOptions parse_options(int count, const char* const* words);

// Checks what belongs together; `options.urls` and the publish URLs are known by now.
Result<Plan> make_plan(Options options);

}  // namespace pushwire::bench
