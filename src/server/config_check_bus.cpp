#include "server/config_check_bus.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace pushwire::server {
namespace {

// The keys of one table, spelled out: "bus.redis.password".
struct Table {
  LoadResult& result;
  std::string name;

  [[nodiscard]] std::string key(std::string_view member) const { return fmt::format("{}.{}", name, member); }
  [[nodiscard]] bool sound(std::string_view member) const { return result.sound({key(member)}); }
  void add(std::string_view member, const std::string& what) const { result.add({key(member)}, what); }
};

void check_servers(const Table& table, std::string_view member, const Config::Texts& servers) {
  if (table.sound(member) && servers.empty()) {
    table.add(member, "no server, expected one or more like \"10.0.0.5:1234\"");
  }
}

// Somebody who names an authority believes that the connection is encrypted.
void check_tls(const Table& table, bool tls, const std::string& ca) {
  if (table.sound("tls") && table.sound("tls_ca") && !tls && !ca.empty()) {
    table.add("tls_ca", fmt::format("has no effect without TLS, expected {} = true too", table.key("tls")));
  }
}

struct Login {
  std::string_view name_key;
  const std::string& name;
  std::string_view secret_key;
  const std::string& secret;
  const std::string& file;    // its path
  bool secret_alone = false;  // the server can ask for a password and no name
};

void check_login(const Table& table, const Login& login) {
  const std::string file_key = fmt::format("{}_file", login.secret_key);
  if (!table.sound(login.name_key) || !table.sound(login.secret_key) || !table.sound(file_key)) {
    return;
  }
  const bool named = !login.name.empty();
  const bool has_secret = !login.secret.empty() || !login.file.empty();
  if (named && !has_secret) {
    table.add(login.name_key,
              fmt::format("needs {} or {}, expected both or none", table.key(file_key), table.key(login.secret_key)));
  }
  if (!named && has_secret && !login.secret_alone) {
    table.add(login.file.empty() ? login.secret_key : std::string_view(file_key),
              fmt::format("needs {}, expected both or none", table.key(login.name_key)));
  }
}

// NATS takes one of three: user name and password, token, credentials file.
void check_one_login(const Table& table, const bus::NatsSettings& nats) {
  const bool named = !nats.username.empty() || !nats.password.empty() || !nats.password_file.empty();
  if (!nats.token.empty() && (named || !nats.credentials_file.empty())) {
    table.add("token", fmt::format("stands beside {}, expected only one way to log in",
                                   table.key(named ? "username" : "credentials_file")));
  } else if (!nats.credentials_file.empty() && named) {
    table.add("credentials_file",
              fmt::format("stands beside {}, expected only one way to log in", table.key("username")));
  }
}

}  // namespace

void check_bus_rules(LoadResult& result) {
  const Config::Bus& bus = result.config.bus;

  const Table rocketmq{result, "bus.rocketmq"};
  check_servers(rocketmq, "name_servers", bus.rocketmq.name_servers);
  check_login(rocketmq, {"access_key", bus.rocketmq.access_key, "secret_key", bus.rocketmq.secret_key,
                         bus.rocketmq.secret_key_file});
  check_tls(rocketmq, bus.rocketmq.tls, bus.rocketmq.tls_ca);

  const Table redis{result, "bus.redis"};
  check_login(redis, {"username", bus.redis.username, "password", bus.redis.password, bus.redis.password_file, true});
  check_tls(redis, bus.redis.tls, bus.redis.tls_ca);

  const Table nats{result, "bus.nats"};
  check_servers(nats, "servers", bus.nats.servers);
  check_login(nats, {"username", bus.nats.username, "password", bus.nats.password, bus.nats.password_file});
  check_one_login(nats, bus.nats);
  check_tls(nats, bus.nats.tls, bus.nats.tls_ca);

  const Table kafka{result, "bus.kafka"};
  check_servers(kafka, "brokers", bus.kafka.brokers);
  check_login(kafka, {"username", bus.kafka.username, "password", bus.kafka.password, bus.kafka.password_file});
  check_tls(kafka, bus.kafka.tls, bus.kafka.tls_ca);

  check_servers({result, "bus.zookeeper"}, "servers", bus.zookeeper.servers);
}

}  // namespace pushwire::server
