#include "bus/rocketmq/route.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/json_reader.h"

namespace pushwire::bus::rocketmq {
namespace {

constexpr std::int64_t kReadable = 4;
constexpr std::int64_t kWritable = 2;

struct Queues {
  std::string broker;
  std::int64_t perm = 0;
  std::int64_t read = 0;
  std::int64_t write = 0;
};

std::string read_name(JsonReader& json) {
  const std::optional<JsonString> text = json.peek() == JsonKind::kString ? json.read_string() : std::nullopt;
  if (!text) {
    json.skip_value();
    return {};
  }
  return json_unescape(text->raw).value_or(std::string());
}

// A missing or strange number is 0: the queue is then not used.
std::int64_t read_number(JsonReader& json) {
  return json_integer(json.skip_value()).value_or(0);
}

// "10.0.0.1:10911", "::1:10911": an IPv6 address comes without brackets, so the last colon is the port's.
std::optional<net::Endpoint> parse_broker_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return std::nullopt;
  }
  net::Endpoint endpoint{std::string(text.substr(0, colon)), 0};
  if (endpoint.host.front() == '[' && endpoint.host.back() == ']') {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  }
  const std::string_view port = text.substr(colon + 1);
  const auto [end, fault] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (fault != std::errc() || end != port.data() + port.size() || endpoint.port == 0 || endpoint.host.empty()) {
    return std::nullopt;
  }
  return endpoint;
}

// {"brokerName": …, "brokerAddrs": {"0": "host:port", …}}
void read_broker(JsonReader& json, std::map<std::string, net::Endpoint>& masters) {
  if (json.peek() != JsonKind::kObject) {
    json.skip_value();
    return;
  }
  std::string name;
  std::optional<net::Endpoint> master;
  json.enter_object();
  while (const auto key = json.next_member()) {
    if (key->raw == "brokerName") {
      name = read_name(json);
    } else if (key->raw == "brokerAddrs" && json.peek() == JsonKind::kObject) {
      json.enter_object();
      while (const auto id = json.next_member()) {
        const std::string address = read_name(json);
        if (id->raw == "0") {
          master = parse_broker_address(address);
        }
      }
    } else {
      json.skip_value();
    }
  }
  if (!name.empty() && master && masters.size() < kMaxBrokers) {
    masters.emplace(std::move(name), std::move(*master));
  }
}

// {"brokerName": …, "perm": 6, "readQueueNums": 4, "writeQueueNums": 4}
void read_queues(JsonReader& json, std::vector<Queues>& all) {
  if (json.peek() != JsonKind::kObject) {
    json.skip_value();
    return;
  }
  Queues queues;
  json.enter_object();
  while (const auto key = json.next_member()) {
    if (key->raw == "brokerName") {
      queues.broker = read_name(json);
    } else if (key->raw == "perm") {
      queues.perm = read_number(json);
    } else if (key->raw == "readQueueNums") {
      queues.read = read_number(json);
    } else if (key->raw == "writeQueueNums") {
      queues.write = read_number(json);
    } else {
      json.skip_value();
    }
  }
  if (all.size() < kMaxBrokers) {
    all.push_back(std::move(queues));
  }
}

std::uint32_t allowed(const Queues& queues, std::int64_t right, std::int64_t number) {
  return (queues.perm & right) == 0
             ? 0
             : static_cast<std::uint32_t>(std::clamp<std::int64_t>(number, 0, std::int64_t{kMaxQueues}));
}

}  // namespace

Result<Route> parse_route(std::string_view text) {
  JsonReader json(text);
  std::map<std::string, net::Endpoint> masters;
  std::vector<Queues> all;
  if (json.peek() == JsonKind::kObject) {
    json.enter_object();
    while (const auto key = json.next_member()) {
      const bool is_brokers = key->raw == "brokerDatas";
      if ((!is_brokers && key->raw != "queueDatas") || json.peek() != JsonKind::kArray) {
        json.skip_value();
        continue;
      }
      json.enter_array();
      while (json.next_element()) {
        is_brokers ? read_broker(json, masters) : read_queues(json, all);
      }
    }
  } else {
    return fail("the name server's route is no JSON object");
  }
  if (!json.finish()) {
    return fail(fmt::format("the name server's route is no JSON: {} at byte {}", json.fault().what, json.fault().byte));
  }
  Route route;
  std::sort(all.begin(), all.end(), [](const Queues& a, const Queues& b) { return a.broker < b.broker; });
  for (const Queues& queues : all) {
    const auto master = masters.find(queues.broker);
    if (master == masters.end() || (!route.brokers.empty() && route.brokers.back().name == queues.broker)) {
      continue;
    }
    route.brokers.push_back({queues.broker, master->second, allowed(queues, kReadable, queues.read),
                             allowed(queues, kWritable, queues.write)});
  }
  return route;
}

}  // namespace pushwire::bus::rocketmq
