// The adapters under test, and the real servers behind them: each started once for the test program, at its first use.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "bus/link.h"
#include "bus/settings.h"
#include "bus_server.h"
#include "net/event_loop.h"

namespace pushwire::bus {

struct Adapter {
  std::string name;  // "redis_streams"; also the end of its tests' names
  BusKind kind;
  std::vector<std::string> server;  // arguments of tools/bus/server.py; empty: needs none
  RedisMode redis_mode = RedisMode::kPubSub;
  NatsMode nats_mode = NatsMode::kCore;
  // For a client that puts bytes on the bus as they are. Null: there is no server to put them on.
  std::unique_ptr<Link> (*make_link)(net::EventLoop&, LinkEvents&, const Settings&) = nullptr;

  bool has_server() const noexcept { return !server.empty(); }
  // What an operator has to look at when there is nothing at the address, or the password is wrong.
  std::string address_key() const;
  std::string password_key() const;  // empty: it has none
  std::string topic_key() const;     // empty: it has none
  // Server processes that hold the records: killing these is what a crash is.
  std::string store_process() const { return kind == BusKind::kRocketMq ? "broker" : ""; }
};

std::ostream& operator<<(std::ostream& out, const Adapter& adapter);

// All that this build has; the first list with those without a server, the second without.
std::vector<Adapter> all_adapters();
std::vector<Adapter> adapters_with_servers();

// The adapter's server: plain TCP, no password, clients may create what they need.
BusServer& open_server(const Adapter& adapter);
// One with TLS and password where the adapter has settings for them. Clients are told 127.0.0.2 as its address, and
// may use the topic of the default settings but create none.
BusServer& guarded_server(const Adapter& adapter);
// Kills all servers that were started.
void stop_servers();

// As bus::make_bus(), which a test program has no use for if it fails.
std::unique_ptr<Bus> make_test_bus(const Settings& settings, const std::string& node);

// Settings for `server` that share nothing with any other test: a namespace of their own.
Settings fresh_settings(const Adapter& adapter, const BusServer& server);
// The same, with the address where a FaultProxy stands for the server.
Settings through_proxy(Settings settings, const BusServer& server);
// Replaces whatever address the settings name.
void set_address(Settings& settings, const std::string& address);
Settings fresh_settings(const Adapter& adapter);  // of the open server, if it needs one

}  // namespace pushwire::bus
