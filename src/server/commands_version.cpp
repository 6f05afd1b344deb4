#include <fmt/core.h>
#include <hiredis/hiredis.h>
#include <librdkafka/rdkafka.h>
#include <nats/version.h>
#include <openssl/crypto.h>
#include <spdlog/version.h>
#include <toml++/impl/version.h>
#include <zookeeper/zookeeper_version.h>

#include <CLI/Version.hpp>
#include <boost/version.hpp>

#include "bus/make_bus.h"
#include "server/commands.h"
#include "server/config_keys.h"
#include "server/version.h"

namespace pushwire::server {
namespace {

// Of the kinds that the configuration knows, those that this build can make.
std::string bus_kinds() {
  std::string list;
  const auto kinds = find_key("bus.kind")->choices;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (bus::name_of(static_cast<bus::BusKind>(i)) == kinds[i]) {
      list += fmt::format("{}{}", list.empty() ? "" : ", ", kinds[i]);
    }
  }
  return list;
}

}  // namespace

CommandResult run_version() {
  std::string text = fmt::format("pushwire {}\ncommit: {}\n", version(), commit());
#if defined(__clang__)
  text += "compiler: clang " __clang_version__ "\n";
#else
  text += "compiler: gcc " __VERSION__ "\n";
#endif
  text += fmt::format("libraries: Boost {}.{}.{}, {}, fmt {}.{}.{}, spdlog {}.{}.{}, toml++ {}.{}.{}, CLI11 {}\n",
                      BOOST_VERSION / 100'000, BOOST_VERSION / 100 % 1'000, BOOST_VERSION % 100,
                      OpenSSL_version(OPENSSL_VERSION), FMT_VERSION / 10'000, FMT_VERSION / 100 % 100,
                      FMT_VERSION % 100, SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH, TOML_LIB_MAJOR,
                      TOML_LIB_MINOR, TOML_LIB_PATCH, CLI11_VERSION);
  text += fmt::format("bus: {} (hiredis {}.{}.{}, nats {}, librdkafka {}, zookeeper {})\nio: epoll, uring\n",
                      bus_kinds(), HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH, NATS_VERSION_STRING,
                      rd_kafka_version_str(), ZOO_VERSION);
  return {kExitGood, text, ""};
}

}  // namespace pushwire::server
