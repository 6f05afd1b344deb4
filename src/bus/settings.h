// Settings: the [bus] tables of the configuration as values (interface and defaults: docs/configuration.md).
// Value types, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace pushwire::bus {

enum class BusKind : std::uint8_t { kEmbedded, kRocketMq, kRedis, kNats, kKafka, kZooKeeper };
enum class RedisMode : std::uint8_t { kPubSub, kStreams };
enum class NatsMode : std::uint8_t { kCore, kJetStream };

struct RocketMqSettings {
  std::vector<std::string> name_servers = {"127.0.0.1:9876"};
  std::string topic = "pushwire";
  std::string access_key;
  std::string secret_key;  // after loading also what secret_key_file holds
  std::string secret_key_file;
  bool tls = false;
  std::string tls_ca;  // PEM file; empty: the system's authorities
  bool operator==(const RocketMqSettings&) const = default;
};

struct RedisSettings {
  std::string address = "127.0.0.1:6379";
  RedisMode mode = RedisMode::kPubSub;
  std::string username;
  std::string password;  // after loading also what password_file holds
  std::string password_file;
  bool tls = false;
  std::string tls_ca;
  bool operator==(const RedisSettings&) const = default;
};

struct NatsSettings {
  std::vector<std::string> servers = {"127.0.0.1:4222"};
  NatsMode mode = NatsMode::kCore;
  std::string username;
  std::string password;
  std::string password_file;
  std::string token;
  std::string credentials_file;
  bool tls = false;
  std::string tls_ca;
  bool operator==(const NatsSettings&) const = default;
};

struct KafkaSettings {
  std::vector<std::string> brokers = {"127.0.0.1:9092"};
  std::string topic = "pushwire";
  std::string username;
  std::string password;
  std::string password_file;
  bool tls = false;
  std::string tls_ca;
  bool operator==(const KafkaSettings&) const = default;
};

struct ZooKeeperSettings {
  std::vector<std::string> servers = {"127.0.0.1:2181"};
  std::string root = "/pushwire";
  bool operator==(const ZooKeeperSettings&) const = default;
};

struct Settings {
  BusKind kind = BusKind::kEmbedded;
  // Keeps clusters apart on one server: prefix of topic, channel, stream or path.
  std::string name_space = "pushwire";
  std::chrono::milliseconds publish_timeout{2'000};
  std::chrono::milliseconds max_replay_age{10'000};
  RocketMqSettings rocketmq;
  RedisSettings redis;
  NatsSettings nats;
  KafkaSettings kafka;
  ZooKeeperSettings zookeeper;
  bool operator==(const Settings&) const = default;
};

}  // namespace pushwire::bus
