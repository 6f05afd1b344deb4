#include <array>

#include "server/config_keys.h"
#include "server/config_rules.h"

namespace pushwire::server {
namespace {

using enum KeyType;
using enum OnReload;

// The address of one member as a function: FIELD(bus.kind).
#define FIELD(member) [](Config& c) -> Field { return &c.member; }

constexpr std::array<std::string_view, 6> kKinds = {"embedded", "rocketmq", "redis", "nats", "kafka", "zookeeper"};
constexpr std::array<std::string_view, 2> kRedisModes = {"pubsub", "streams"};
constexpr std::array<std::string_view, 2> kNatsModes = {"core", "jetstream"};

constexpr std::uint64_t kSecond = 1'000;
constexpr std::uint64_t kHour = 3'600 * kSecond;

constexpr std::string_view kTlsHelp = "Encrypt, and accept only a server whose certificate holds its name.";
constexpr std::string_view kTlsCaHelp =
    "PEM file with the authorities that server certificates come from. Default: the system's.";
constexpr std::string_view kPasswordHelp = "Password; better in a file of its own.";
constexpr std::string_view kPasswordFileHelp = "File that holds the password alone.";

constexpr ConfigKey text_key(std::string_view name, Field (*field)(Config&), std::string_view default_text,
                             std::string_view help, Result<> (*check)(std::string_view) = nullptr) {
  return {.name = name,
          .type = kText,
          .default_text = default_text,
          .on_reload = kRestart,
          .field = field,
          .help = help,
          .check = check};
}

constexpr ConfigKey secret_key(std::string_view name, Field (*field)(Config&), std::string_view help) {
  ConfigKey key = text_key(name, field, "", help);
  key.secrecy = Secrecy::kSecret;
  return key;
}

constexpr ConfigKey servers_key(std::string_view name, Field (*field)(Config&), std::string_view default_text,
                                std::string_view help) {
  ConfigKey key = text_key(name, field, default_text, help, check_endpoint);
  key.type = kTexts;
  return key;
}

constexpr ConfigKey switch_key(std::string_view name, Field (*field)(Config&), std::string_view help) {
  ConfigKey key = text_key(name, field, "false", help);
  key.type = kSwitch;
  return key;
}

constexpr ConfigKey choice_key(std::string_view name, Field (*field)(Config&),
                               std::span<const std::string_view> choices, std::string_view help) {
  ConfigKey key = text_key(name, field, choices.front(), help);
  key.type = kChoice;
  key.choices = choices;
  return key;
}

constexpr ConfigKey duration_key(std::string_view name, Field (*field)(Config&), std::string_view default_text,
                                 std::uint64_t least, std::uint64_t most, std::string_view help) {
  ConfigKey key = text_key(name, field, default_text, help);
  key.type = kDuration;
  key.least = least;
  key.most = most;
  return key;
}

// Grouped by table, in the order of the docs. A bus connects once, when the node starts: every key needs a restart.
constexpr std::array kKeys = {
    choice_key("bus.kind", FIELD(bus.kind), kKinds,
               "What carries pushes from node to node. `embedded`: nothing, the node is alone."),
    text_key("bus.namespace", FIELD(bus.name_space), "pushwire",
             "Prefix of channel, stream, subject, topic and path: clusters that share a server have different ones, "
             "the nodes of one cluster the same.",
             check_bus_namespace),
    duration_key("bus.publish_timeout", FIELD(bus.publish_timeout), "2s", 500, 60 * kSecond,
                 "A push that the bus has not confirmed within this time is answered 503."),
    duration_key(
        "bus.max_replay_age", FIELD(bus.max_replay_age), "10s", 100, 24 * kHour,
        "When the bus comes back, what was pushed meanwhile and is older than this is left out (and counted)."),

    servers_key("bus.rocketmq.name_servers", FIELD(bus.rocketmq.name_servers), "127.0.0.1:9876",
                "Name servers as HOST:PORT; they name the brokers."),
    text_key("bus.rocketmq.topic", FIELD(bus.rocketmq.topic), "pushwire",
             "Topic that carries the pushes; made if it is missing and the brokers let us.", check_rocketmq_topic),
    text_key("bus.rocketmq.access_key", FIELD(bus.rocketmq.access_key), "",
             "Name that requests are signed with, if the brokers check who may do what."),
    secret_key("bus.rocketmq.secret_key", FIELD(bus.rocketmq.secret_key),
               "Secret that requests are signed with; better in a file of its own."),
    text_key("bus.rocketmq.secret_key_file", FIELD(bus.rocketmq.secret_key_file), "",
             "File that holds the secret key alone."),
    switch_key("bus.rocketmq.tls", FIELD(bus.rocketmq.tls), kTlsHelp),
    text_key("bus.rocketmq.tls_ca", FIELD(bus.rocketmq.tls_ca), "", kTlsCaHelp),

    text_key("bus.redis.address", FIELD(bus.redis.address), "127.0.0.1:6379", "Server as HOST:PORT.", check_endpoint),
    choice_key("bus.redis.mode", FIELD(bus.redis.mode), kRedisModes,
               "`pubsub`: fastest, what is pushed while a node has no connection never reaches it. `streams`: a node "
               "that comes back reads what it missed."),
    text_key("bus.redis.username", FIELD(bus.redis.username), "", "User of the server's access list. Default: none."),
    secret_key("bus.redis.password", FIELD(bus.redis.password), kPasswordHelp),
    text_key("bus.redis.password_file", FIELD(bus.redis.password_file), "", kPasswordFileHelp),
    switch_key("bus.redis.tls", FIELD(bus.redis.tls), kTlsHelp),
    text_key("bus.redis.tls_ca", FIELD(bus.redis.tls_ca), "", kTlsCaHelp),

    servers_key("bus.nats.servers", FIELD(bus.nats.servers), "127.0.0.1:4222",
                "Servers of one NATS cluster as HOST:PORT; any of them will do."),
    choice_key("bus.nats.mode", FIELD(bus.nats.mode), kNatsModes,
               "`core`: fastest, what is pushed while a node has no connection never reaches it. `jetstream`: a node "
               "that comes back reads what it missed."),
    text_key("bus.nats.username", FIELD(bus.nats.username), "", "User name. Default: none."),
    secret_key("bus.nats.password", FIELD(bus.nats.password), kPasswordHelp),
    text_key("bus.nats.password_file", FIELD(bus.nats.password_file), "", kPasswordFileHelp),
    secret_key("bus.nats.token", FIELD(bus.nats.token), "Token in place of user name and password."),
    text_key("bus.nats.credentials_file", FIELD(bus.nats.credentials_file), "",
             "Credentials file (JWT and key) in place of user name and password."),
    switch_key("bus.nats.tls", FIELD(bus.nats.tls), kTlsHelp),
    text_key("bus.nats.tls_ca", FIELD(bus.nats.tls_ca), "", kTlsCaHelp),

    servers_key("bus.kafka.brokers", FIELD(bus.kafka.brokers), "127.0.0.1:9092",
                "Brokers to begin with, as HOST:PORT; they name the others."),
    text_key("bus.kafka.topic", FIELD(bus.kafka.topic), "pushwire",
             "Topic that carries the pushes; made if it is missing and the brokers let us.", check_kafka_topic),
    text_key("bus.kafka.username", FIELD(bus.kafka.username), "", "User name (SASL). Default: none."),
    secret_key("bus.kafka.password", FIELD(bus.kafka.password), kPasswordHelp),
    text_key("bus.kafka.password_file", FIELD(bus.kafka.password_file), "", kPasswordFileHelp),
    switch_key("bus.kafka.tls", FIELD(bus.kafka.tls), kTlsHelp),
    text_key("bus.kafka.tls_ca", FIELD(bus.kafka.tls_ca), "", kTlsCaHelp),

    servers_key("bus.zookeeper.servers", FIELD(bus.zookeeper.servers), "127.0.0.1:2181",
                "Servers of one ensemble as HOST:PORT; any of them will do."),
    text_key("bus.zookeeper.root", FIELD(bus.zookeeper.root), "/pushwire", "Node of the tree below which all is kept.",
             check_zookeeper_root),
};
#undef FIELD

}  // namespace

std::span<const ConfigKey> bus_config_keys() {
  return kKeys;
}

}  // namespace pushwire::server
