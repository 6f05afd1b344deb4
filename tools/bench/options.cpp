#include "bench/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

#include "bench/stamp.h"

namespace pushwire::bench {
namespace {

struct ModeText {
  std::string_view name;
  std::string_view help;
};
constexpr std::array<ModeText, 7> kModes = {{
    {"connect", "Open the connections and measure the handshakes"},
    {"idle", "Hold them open, for memory and for the price of heartbeats"},
    {"broadcast", "Publish to everyone"},
    {"push", "Publish to single users; --broadcast-rate adds broadcasts"},
    {"storm", "All connections go and come back at once, --rounds times"},
    {"slow", "Broadcast while a share of the clients (--stalled) reads nothing"},
    {"soak", "Pushes, broadcasts and churn together for --minutes"},
}};

void add_server_options(CLI::App& app, Options& options) {
  const std::string group = "The server";
  app.add_option("--preset", options.preset, "Defaults for this server: pushwire, floor or none")
      ->check(CLI::IsMember({"pushwire", "floor", "none"}))
      ->capture_default_str()
      ->group(group);
  app.add_option("--url", options.urls,
                 "ws://HOST:PORT/PATH; {i} {user} {device} {token} are filled in. Repeated: the connections take turns")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--header", options.headers, "Header of the handshake, 'Name: value' with the same places")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--hello", options.hello, "Text message to send after the handshake, with the same places")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--echo", options.echo, "Text message of the server that is a ping: it is sent back")->group(group);
  app.add_option("--skip", options.skip, "Frames of greeting that each connection gets first")->group(group);
  app.add_option("--push-url", options.push_urls, "http://… that publishes to {user}. Repeated: by turns")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--push-body", options.push_body, "Its body, with {user} {id} {payload}")->group(group);
  app.add_option("--broadcast-url", options.broadcast_url, "http://… that publishes to everyone")->group(group);
  app.add_option("--broadcast-body", options.broadcast_body, "Its body, with {id} {payload}")->group(group);
  app.add_option("--method", options.method, "Method of both")->capture_default_str()->group(group);
  app.add_option("--publish-header", options.publish_headers, "Header of both, 'Name: value'")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--tokens", options.tokens_file, "File with one token per user, for {token}")->group(group);
  app.add_option("--server-pid", options.server_pids, "Process to measure; may be repeated")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--start", options.start, "Command that starts the server; its lines on stdout tell the ports")
      ->group(group);
  app.add_option("--ready-line", options.ready_line, "Line on stdout with which that server is ready")
      ->capture_default_str()
      ->group(group);
  app.add_flag("--allow-remote", options.allow_remote, "Allow a target that is not this host")->group(group);
}

void add_load_options(CLI::App& app, Options& options) {
  const std::string group = "The load";
  app.add_option("-n,--connections", options.connections, "")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--users", options.users, "Users that share them (default: one each)")->group(group);
  app.add_option("--processes", options.processes, "Client processes (default: as few as descriptors allow)")
      ->check(CLI::Range(1, 64))
      ->group(group);
  app.add_option("--in-flight", options.in_flight, "Handshakes at the same time, per process")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--seconds", options.seconds, "Length of the load")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str()
      ->group(group);
  app.add_option("--messages", options.messages, "End after so many pushes (push) or broadcasts (else)")->group(group);
  app.add_option("--rate", options.rate, "Pushes per second on a fixed schedule; 0: closed loop")
      ->check(CLI::Range(0.0, 1e6))
      ->group(group);
  app.add_option("--concurrency", options.concurrency, "Connections that publish")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--broadcast-rate", options.broadcast_rate, "Broadcasts per second on a fixed schedule")
      ->check(CLI::Range(0.0, 1e4))
      ->group(group);
  app.add_option("--size", options.size, "Bytes of payload")
      ->check(CLI::Range(static_cast<int>(kStampBytes), 1 << 20))
      ->capture_default_str()
      ->group(group);
  app.add_option("--stalled", options.stalled, "Share that reads nothing (slow)")
      ->check(CLI::Range(0.0, 0.99))
      ->capture_default_str()
      ->group(group);
  app.add_option("--churn", options.churn, "Connections that leave and come back per second (soak)")
      ->check(CLI::Range(0.0, 1e4))
      ->group(group);
  app.add_option("--minutes", options.minutes, "Length of a soak")
      ->check(CLI::Range(0.05, 24.0 * 60))
      ->capture_default_str()
      ->group(group);
  app.add_option("--rounds", options.rounds, "Storms")->check(CLI::Range(1, 100))->capture_default_str()->group(group);
  app.add_option("--leave", options.leave, "Percent that leave at the end, to see what memory comes back")
      ->check(CLI::Range(0.0, 100.0))
      ->group(group);
  app.add_option("--drain", options.drain_seconds, "Seconds to wait for the last messages")
      ->check(CLI::Range(0.1, 120.0))
      ->capture_default_str()
      ->group(group);
  app.add_option("--settle", options.settle_seconds, "Seconds of rest before memory is measured")
      ->check(CLI::Range(0.0, 60.0))
      ->capture_default_str()
      ->group(group);
  app.add_flag("--strict-order", options.strict_order, "A message out of order is a failure too")->group(group);
}

void add_other_options(CLI::App& app, Options& options) {
  const std::string group = "The run";
  app.add_option("--server-cores", options.server_cores, "Pin the server that --start starts to these cores: 0,2")
      ->delimiter(',')
      ->group(group);
  app.add_option("--client-cores", options.client_cores, "Pin the clients to these cores")
      ->delimiter(',')
      ->group(group);
  app.add_option("--json", options.json_file, "Write the result to this file")->group(group);
  app.add_flag("-q,--quiet", options.quiet, "No progress")->group(group);
}

struct Preset {
  std::string_view name;
  std::string_view query;  // appended to a URL that came from the server's own lines
  int skip;
};
constexpr std::array<Preset, 3> kPresets = {
    {{"pushwire", "?user={user}", 1}, {"floor", "?user={user}", 0}, {"none", "", 0}}};

const Preset& preset_of(const Options& options) {
  return *std::find_if(kPresets.begin(), kPresets.end(), [&](const Preset& p) { return p.name == options.preset; });
}

void apply_preset(Options& options) {
  const Preset& preset = preset_of(options);
  if (options.skip < 0) {
    options.skip = preset.skip;
  }
  if (preset.name == "none") {
    return;
  }
  for (std::string& url : options.urls) {
    url += url.find('?') == std::string::npos ? preset.query : "";
  }
  if (options.push_body.empty()) {
    options.push_body = R"({"to":{"user":"{user}"},"data":"{payload}"})";
  }
  if (options.broadcast_body.empty()) {
    options.broadcast_body = R"({"to":{"all":true},"data":"{payload}"})";
  }
  if (options.publish_headers.empty()) {
    options.publish_headers.emplace_back("Content-Type: application/json");
  }
}

std::vector<TextTemplate> templates(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

Result<Target> target_of(const Options& options, const std::string& text) {
  Result<Url> url = parse_url(text);
  if (!url) {
    return tl::unexpected(url.error());
  }
  if (!options.allow_remote && !url->address.is_loopback()) {
    return fail(
        fmt::format("{} is not this host. Load on somebody else's machine needs their consent: say "
                    "--allow-remote if you have it",
                    url->authority));
  }
  TextTemplate path(url->target);
  return Target{std::move(*url), std::move(path)};
}

Result<std::vector<Target>> targets_of(const Options& options, const std::vector<std::string>& texts) {
  std::vector<Target> targets;
  for (const std::string& text : texts) {
    Result<Target> target = target_of(options, text);
    if (!target) {
      return tl::unexpected(target.error());
    }
    targets.push_back(std::move(*target));
  }
  return targets;
}

Result<> find_targets(Plan& plan) {
  const Options& options = plan.options;
  Result<std::vector<Target>> nodes = targets_of(options, options.urls);
  Result<std::vector<Target>> push = targets_of(options, options.push_urls);
  std::vector<std::string> broadcast_urls;
  if (!options.broadcast_url.empty()) {
    broadcast_urls.push_back(options.broadcast_url);
  }
  Result<std::vector<Target>> broadcast = targets_of(options, broadcast_urls);
  for (const auto* each : {&nodes, &push, &broadcast}) {
    if (!*each) {
      return tl::unexpected(each->error());
    }
  }
  plan.nodes = std::move(*nodes);
  plan.push_targets = std::move(*push);
  if (!broadcast->empty()) {
    plan.broadcast_target = std::move(broadcast->front());
  }
  return {};
}

Result<> read_tokens(Plan& plan) {
  if (plan.options.tokens_file.empty()) {
    return {};
  }
  std::ifstream file(plan.options.tokens_file);
  for (std::string line; std::getline(file, line);) {
    plan.tokens.push_back(line);
  }
  if (plan.tokens.size() < plan.options.users) {
    return fail(
        fmt::format("{} has {} tokens for {} users", plan.options.tokens_file, plan.tokens.size(), plan.options.users));
  }
  return {};
}

Result<> check_together(const Plan& plan) {
  const Options& options = plan.options;
  if (options.connections % options.users != 0) {
    return fail("--connections must be a multiple of --users");
  }
  if (plan.pushes() && plan.push_targets.empty()) {
    return fail("this mode pushes to users: --push-url is missing");
  }
  if (plan.broadcasts() && !plan.broadcast_target) {
    return fail("this mode broadcasts: --broadcast-url is missing");
  }
  return {};
}

}  // namespace

bool Plan::pushes() const noexcept {
  return options.mode == Mode::kPush || (options.mode == Mode::kSoak && options.rate > 0);
}

bool Plan::broadcasts() const noexcept {
  const bool by_mode = options.mode == Mode::kBroadcast || options.mode == Mode::kSlow;
  const bool beside = options.mode == Mode::kPush || options.mode == Mode::kSoak;
  return by_mode || (beside && options.broadcast_rate > 0);
}

double Plan::load_seconds() const noexcept {
  return options.mode == Mode::kSoak ? options.minutes * 60 : options.seconds;
}

ParsedOptions parse_options(int count, const char* const* words) {
  CLI::App app(
      "Load for a WebSocket push server: counts every message and the server's CPU and memory.\n"
      "Exit code: 0 fine, 1 messages lost, duplicated or astray, or connections lost, 2 wrong usage, 3 could not run",
      "pushwire-bench");
  Options options;
  for (std::size_t i = 0; i < kModes.size(); ++i) {
    app.add_subcommand(std::string(kModes[i].name), std::string(kModes[i].help))->fallthrough()->callback([&, i] {
      options.mode = static_cast<Mode>(i);
      options.mode_name = kModes[i].name;
    });
  }
  app.require_subcommand(1);
  add_server_options(app, options);
  add_load_options(app, options);
  add_other_options(app, options);
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error) == 0 ? 0 : 2};
  }
  return {std::move(options), 0};
}

Result<Plan> make_plan(Options options) {
  options.users = options.users == 0 ? options.connections : std::min(options.users, options.connections);
  if (options.urls.empty()) {
    return fail("--url is missing (or --start with a command that prints its listeners)");
  }
  apply_preset(options);
  if (options.broadcast_url.empty() && !options.push_urls.empty()) {
    options.broadcast_url = options.push_urls.front();
  }
  Plan plan;
  plan.headers = templates(options.headers);
  plan.hello = templates(options.hello);
  plan.push_body = TextTemplate(options.push_body);
  plan.broadcast_body = TextTemplate(options.broadcast_body);
  plan.publish_headers = templates(options.publish_headers);
  plan.devices = options.connections / options.users;
  plan.options = std::move(options);
  if (const Result<> found = find_targets(plan); !found) {
    return tl::unexpected(found.error());
  }
  if (const Result<> tokens = read_tokens(plan); !tokens) {
    return tl::unexpected(tokens.error());
  }
  if (const Result<> together = check_together(plan); !together) {
    return tl::unexpected(together.error());
  }
  return plan;
}

}  // namespace pushwire::bench
