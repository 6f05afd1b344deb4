// Route: which brokers hold a topic, where they are and how many queues they have. As a name server tells it.
// A value; any thread. Source: org.apache.rocketmq.remoting.protocol.route.TopicRouteData.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/client_stream.h"

namespace pushwire::bus::rocketmq {

// More than any broker has of one topic, and than the whole of one is worth.
constexpr std::uint32_t kMaxQueues = 1'024;
constexpr std::size_t kMaxBrokers = 256;

struct BrokerRoute {
  std::string name;
  net::Endpoint master;           // of broker id 0
  std::uint32_t read_queues = 0;  // 0: may not be read
  std::uint32_t write_queues = 0;
  bool operator==(const BrokerRoute&) const = default;
};

struct Route {
  std::vector<BrokerRoute> brokers;  // ordered by name; only those that have a master
  bool operator==(const Route&) const = default;
};

// The body of the answer to a route request.
Result<Route> parse_route(std::string_view json);

}  // namespace pushwire::bus::rocketmq
