// Rules for single texts of the configuration: paths, origins, topic patterns, names, keys. An error's message
// completes the sentence `"TEXT" is …`: what is wrong, what is expected.
// Pure functions, any thread.
#pragma once

#include <string_view>

#include "base/result.h"

namespace pushwire::server {

[[nodiscard]] Result<> check_node_name(std::string_view text);      // 1–64 bytes of A–Z a–z 0–9 . _ -
[[nodiscard]] Result<> check_client_path(std::string_view text);    // "/ws"
[[nodiscard]] Result<> check_origin(std::string_view text);         // "https://example.com", "*"
[[nodiscard]] Result<> check_topic_pattern(std::string_view text);  // interface: 1–128 bytes, a final *
[[nodiscard]] Result<> check_api_key(std::string_view text);        // visible ASCII: it travels in a header
[[nodiscard]] Result<> check_claim_name(std::string_view text);     // not empty

[[nodiscard]] Result<> check_endpoint(std::string_view text);        // "redis.internal:6379", "[::1]:6379"
[[nodiscard]] Result<> check_bus_namespace(std::string_view text);   // 1–64 bytes of A–Z a–z 0–9 _ -
[[nodiscard]] Result<> check_rocketmq_topic(std::string_view text);  // 1–127 bytes of A–Z a–z 0–9 _ - | %
[[nodiscard]] Result<> check_kafka_topic(std::string_view text);  // 1–249 bytes of A–Z a–z 0–9 . _ -, not . or ..
[[nodiscard]] Result<> check_zookeeper_root(std::string_view text);  // "/pushwire", "/apps/pushwire"

}  // namespace pushwire::server
