#include "server/serve.h"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "net/address.h"
#include "net/listener.h"
#include "server/commands.h"

namespace pushwire::server {
namespace {

// What a user sees of it is tested with the real program (tests/integration); here are its exit codes.

ServeCommand command(std::vector<std::string> overrides) {
  ServeCommand serve_command;
  serve_command.config.overrides = std::move(overrides);
  return serve_command;
}

TEST(Serve, MistakesInTheConfigurationAreWrongUsage) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(serve(command({"client.lisen=127.0.0.1:0"}), {}), kExitUsage);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("client.listen"), std::string::npos);
}

TEST(Serve, AnAddressInUseIsAFailure) {
  auto address = net::parse_address("127.0.0.1", 0);
  ASSERT_TRUE(address);
  const auto taken = net::listen_on(*address, {});
  ASSERT_TRUE(taken);
  const std::string used = net::local_address(taken->get()).to_string();
  EXPECT_EQ(serve(command({"auth.mode=dev", "client.listen=" + used, "api.listen=127.0.0.1:0"}), {}), kExitFailure);
}

TEST(Serve, SigtermEndsItCleanly) {
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &terminate, nullptr), 0);  // the thread inherits it: nothing can be too early
  int exit_code = -1;
  const ServeCommand node = command({"auth.mode=dev", "client.listen=127.0.0.1:0", "api.listen=127.0.0.1:0"});
  testing::internal::CaptureStdout();
  std::thread thread([&] { exit_code = serve(node, {}); });
  ASSERT_EQ(pthread_kill(thread.native_handle(), SIGTERM), 0);
  thread.join();
  EXPECT_NE(testing::internal::GetCapturedStdout().find("\nready\n"), std::string::npos);
  EXPECT_EQ(exit_code, kExitGood);
}

}  // namespace
}  // namespace pushwire::server
