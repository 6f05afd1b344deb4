#include "server/config_rules.h"

#include <algorithm>
#include <string>

#include "net/endpoint.h"
#include "protocol/names.h"
#include "session/origin_list.h"

namespace pushwire::server {
namespace {

constexpr std::size_t kMaxNodeName = 64;
constexpr std::size_t kMaxPath = 256;
constexpr std::size_t kMaxApiKey = 512;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}

// Every byte is a letter, a digit or one of `others`.
bool made_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(),
                     [others](char c) { return is_alnum(c) || others.find(c) != std::string_view::npos; });
}

Result<> expect(bool good, std::string_view message) {
  if (good) {
    return {};
  }
  return fail(std::string(message));
}

constexpr std::size_t kMaxNamespace = 64;
constexpr std::size_t kMaxRocketMqTopic = 127;
constexpr std::size_t kMaxKafkaTopic = 249;
constexpr std::size_t kMaxZooKeeperRoot = 256;

}  // namespace

Result<> check_node_name(std::string_view text) {
  return expect(!text.empty() && text.size() <= kMaxNodeName && made_of(text, "._-"),
                "not a node name, expected 1 to 64 of A-Z a-z 0-9 . _ -");
}

Result<> check_client_path(std::string_view text) {
  const bool visible = std::all_of(text.begin(), text.end(), is_visible);
  return expect(text.starts_with('/') && text.size() <= kMaxPath && visible &&
                    text.find_first_of("?#%\"\\") == std::string_view::npos,
                "not a path, expected one like \"/ws\" without ? # % or blanks");
}

Result<> check_origin(std::string_view text) {
  return expect(session::OriginList::parse({std::string(text)}).has_value(),
                "not an origin, expected scheme://host[:port] like \"https://app.example.com\", or \"*\" alone");
}

Result<> check_topic_pattern(std::string_view text) {
  return expect(protocol::is_valid_topic_pattern(text),
                "not a topic pattern, expected 1 to 128 of A-Z a-z 0-9 . _ : - / and a final * if it is a prefix");
}

Result<> check_api_key(std::string_view text) {
  return expect(!text.empty() && text.size() <= kMaxApiKey && std::all_of(text.begin(), text.end(), is_visible),
                "not an API key, expected 1 to 512 visible ASCII characters without blanks");
}

Result<> check_claim_name(std::string_view text) {
  return expect(!text.empty(), "not the name of a claim, expected one like \"sub\"");
}

Result<> check_endpoint(std::string_view text) {
  const auto endpoint = net::parse_endpoint(text);
  return expect(endpoint && (text.starts_with('[') == (endpoint->host.find(':') != std::string::npos)),
                "not a server's address, expected HOST:PORT like \"10.0.0.5:6379\", \"bus.internal:6379\" or "
                "\"[::1]:6379\"");
}

Result<> check_bus_namespace(std::string_view text) {
  return expect(!text.empty() && text.size() <= kMaxNamespace && made_of(text, "_-"),
                "not a namespace, expected 1 to 64 of A-Z a-z 0-9 _ -");
}

Result<> check_rocketmq_topic(std::string_view text) {
  return expect(!text.empty() && text.size() <= kMaxRocketMqTopic && made_of(text, "_-|%"),
                "not the name of a topic, expected 1 to 127 of A-Z a-z 0-9 _ - | %");
}

Result<> check_kafka_topic(std::string_view text) {
  return expect(!text.empty() && text.size() <= kMaxKafkaTopic && made_of(text, "._-") && text != "." && text != "..",
                "not the name of a topic, expected 1 to 249 of A-Z a-z 0-9 . _ -");
}

Result<> check_zookeeper_root(std::string_view text) {
  bool good = text.size() > 1 && text.size() <= kMaxZooKeeperRoot && text.front() == '/' && text.back() != '/';
  for (std::string_view rest = text; good && !rest.empty();) {
    rest.remove_prefix(1);
    const std::string_view part = rest.substr(0, rest.find('/'));
    good = !part.empty() && part != "." && part != ".." && std::all_of(part.begin(), part.end(), is_visible);
    rest.remove_prefix(part.size());
  }
  return expect(good, "not a path, expected one like \"/pushwire\" without a / at its end");
}

}  // namespace pushwire::server
