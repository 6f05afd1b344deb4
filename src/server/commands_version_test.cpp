#include <gtest/gtest.h>

#include "server/commands.h"
#include "server/version.h"

namespace pushwire::server {
namespace {

TEST(CommandsVersion, NamesWhatWasBuiltFromWhat) {
  const auto result = run_version();
  EXPECT_EQ(result.exit_code, 0);
  const std::string head = "pushwire " + std::string(version()) + "\ncommit: " + std::string(commit()) + "\ncompiler: ";
  EXPECT_TRUE(result.out.starts_with(head)) << result.out;
  for (const char* part : {"Boost 1.", "OpenSSL 3.", "fmt ", "spdlog ", "toml++ ", "CLI11 ", "\nbus: embedded, ",
                           "hiredis 0.", "nats 3.", "librdkafka 2.", "zookeeper 3.", "\nio: epoll, uring\n"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part;
  }
}

}  // namespace
}  // namespace pushwire::server
