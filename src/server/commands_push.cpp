#include "server/commands_push.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <chrono>
#include <string_view>

#include "base/utf8.h"
#include "server/commands.h"
#include "server/commands_http.h"
#include "server/config_rules.h"
#include "server/config_text.h"

namespace pushwire::server {
namespace {

constexpr std::chrono::seconds kTimeout{15};  // longer than the node's own limit on a request
constexpr std::size_t kMaxDepth = 512;
constexpr std::string_view kKeyVariable = "PUSHWIRE_API_KEY";

std::string json_string(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

// DATA goes into the body as it is: only one whole JSON value may pass, or it could end the object around it.
Result<> check_json(std::string_view data) {
  boost::json::error_code fault;
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::stream_parser parser({}, options);
  const std::size_t read = parser.write_some(data.data(), data.size(), fault);
  if (!fault && read != data.size()) {
    fault = boost::json::error::extra_data;
  }
  if (!fault) {
    parser.finish(fault);
  }
  if (fault) {
    return fail(
        fmt::format("DATA is not JSON ({} at byte {}), expected JSON like '{{\"n\":1}}' or '\"text\"', or "
                    "--text",
                    fault.message(), read));
  }
  return {};
}

Result<std::string> target_json(const PushCommand& command) {
  if (command.target == PushTarget::kAll) {
    return R"({"all":true})";
  }
  if (!is_valid_utf8(command.target_name)) {
    return fail("the target is not UTF-8");
  }
  const std::string_view member = command.target == PushTarget::kUser    ? "user"
                                  : command.target == PushTarget::kTopic ? "topic"
                                                                         : "session";
  return fmt::format("{{\"{}\":{}}}", member, json_string(command.target_name));
}

Result<std::string> api_key(const PushCommand& command, const Environment& environment) {
  std::string key = command.key.value_or("");
  const auto variable = std::find_if(environment.begin(), environment.end(),
                                     [](const auto& entry) { return entry.first == kKeyVariable; });
  if (!command.key && variable != environment.end()) {
    key = variable->second;
  }
  if (!key.empty()) {
    if (const auto checked = check_api_key(key); !checked) {
      return fail(fmt::format("the key is {}", checked.error().message));
    }
  }
  return key;
}

CommandResult show_answer(const HttpAnswer& answer) {
  std::string body = answer.body;
  if (!body.ends_with('\n')) {
    body += '\n';
  }
  if (answer.status == 200) {
    return {kExitGood, body, ""};
  }
  return {kExitFailure, body, fmt::format("pushwire: refused: {} {}\n", answer.status, printable(answer.reason))};
}

}  // namespace

Result<std::string> push_body(const PushCommand& command) {
  auto target = target_json(command);
  if (!target) {
    return target;
  }
  std::string body = fmt::format("{{\"to\":{}", *target);
  for (const auto& [name, value] : {std::pair{"event", &command.event}, std::pair{"id", &command.id}}) {
    if (*value && !is_valid_utf8(**value)) {
      return fail(fmt::format("--{} is not UTF-8", name));
    }
    if (*value) {
      body += fmt::format(",\"{}\":{}", name, json_string(**value));
    }
  }
  if (command.ttl_ms) {
    body += fmt::format(",\"ttl_ms\":{}", *command.ttl_ms);
  }
  if (!is_valid_utf8(command.data)) {
    return fail("DATA is not UTF-8");
  }
  if (command.payload == PushPayload::kText) {
    return body + fmt::format(",\"text\":{}}}", json_string(command.data));
  }
  if (const auto checked = check_json(command.data); !checked) {
    return tl::unexpected(checked.error());
  }
  return body + fmt::format(",\"data\":{}}}", command.data);
}

CommandResult run_push(const PushCommand& command, const Environment& environment) {
  auto body = push_body(command);
  auto key = api_key(command, environment);
  for (const auto* part : {&body, &key}) {
    if (!*part) {
      return {kExitUsage, "", fmt::format("pushwire: {}\n", part->error().message)};
    }
  }
  const auto answer = post({.host = command.host,
                            .port = command.port,
                            .path = "/v1/push",
                            .api_key = *std::move(key),
                            .json = *std::move(body),
                            .tls = command.tls,
                            .authorities = command.authorities},
                           kTimeout);
  if (!answer) {
    return {kExitFailure, "", fmt::format("pushwire: {}\n", printable(answer.error().message))};
  }
  return show_answer(*answer);
}

}  // namespace pushwire::server
