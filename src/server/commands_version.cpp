#include <fmt/core.h>
#include <openssl/crypto.h>
#include <spdlog/version.h>
#include <toml++/impl/version.h>

#include <CLI/Version.hpp>
#include <boost/version.hpp>

#include "server/commands.h"
#include "server/version.h"

namespace pushwire::server {

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
  text += "bus: embedded\nio: epoll, uring\n";
  return {kExitGood, text, ""};
}

}  // namespace pushwire::server
