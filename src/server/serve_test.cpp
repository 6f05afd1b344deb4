#include "server/serve.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
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

// What the program writes to stderr while this lives, readable all the time.
class Log {
 public:
  Log() : before_(::dup(STDERR_FILENO)), file_(::memfd_create("log", MFD_CLOEXEC)) {
    EXPECT_EQ(::dup2(file_.get(), STDERR_FILENO), STDERR_FILENO);
  }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log() { EXPECT_EQ(::dup2(before_.get(), STDERR_FILENO), STDERR_FILENO); }

  std::string text() const {
    std::string all(std::size_t{1} << 16, '\0');
    const ssize_t size = ::pread(file_.get(), all.data(), all.size(), 0);
    all.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return all;
  }
  // Waits for it.
  bool has(std::string_view part) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (text().find(part) == std::string::npos && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return text().find(part) != std::string::npos;
  }

 private:
  const net::Fd before_;
  const net::Fd file_;
};

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

TEST(Serve, ABusThatIsAwayKeepsTheNodeWaitingAndNotReady) {
  const net::Fd taken(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));  // bound, and nobody listens on it
  const auto any = net::parse_address("127.0.0.1", 0).value();
  ASSERT_EQ(::bind(taken.get(), reinterpret_cast<const sockaddr*>(&any.storage), any.length), 0);
  const std::string nowhere = net::local_address(taken.get()).to_string();
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &terminate, nullptr), 0);
  int exit_code = -1;
  const ServeCommand node = command({"auth.mode=dev", "client.listen=127.0.0.1:0", "api.listen=127.0.0.1:0",
                                     "bus.kind=nats", "bus.nats.servers=" + nowhere});
  Log log;
  testing::internal::CaptureStdout();
  std::thread thread([&] { exit_code = serve(node, {}); });
  EXPECT_TRUE(log.has("not ready yet: bus.nats.servers: ")) << log.text();
  ASSERT_EQ(pthread_kill(thread.native_handle(), SIGTERM), 0);
  thread.join();
  const std::string out = testing::internal::GetCapturedStdout();
  EXPECT_EQ(exit_code, kExitGood);
  EXPECT_NE(out.find("api on http://127.0.0.1:"), std::string::npos) << out;
  EXPECT_EQ(out.find("ready"), std::string::npos) << out;
}

TEST(Serve, AMistakeInTheTablesOfTheBusIsWrongUsage) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(serve(command({"auth.mode=dev", "bus.kind=redis", "bus.redis.username=u"}), {}), kExitUsage);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "--set bus.redis.username: needs bus.redis.password_file or bus.redis.password, expected both or none\n");
}

}  // namespace
}  // namespace pushwire::server
