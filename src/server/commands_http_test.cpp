#include "server/commands_http.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>

#include "server/commands.h"

namespace pushwire::server {
namespace {

using std::chrono::milliseconds;

// A server for one connection that says `answer` once it has read a whole body, and then closes.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, plain, size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    EXPECT_EQ(::getsockname(listener_, plain, &size), 0);
    port_ = std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~OneAnswer() {
    join();
    ::close(listener_);
  }
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;

  [[nodiscard]] const std::string& port() const { return port_; }
  // What was asked.
  const std::string& request() {
    join();
    return request_;
  }

 private:
  void join() {
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  void serve() {
    pollfd waiting{listener_, POLLIN, 0};
    if (::poll(&waiting, 1, 5'000) != 1) {
      return;
    }
    const int client = ::accept(listener_, nullptr, nullptr);
    std::array<char, 4096> bytes{};
    while (!request_.ends_with("}")) {
      const ssize_t got = ::recv(client, bytes.data(), bytes.size(), 0);
      if (got <= 0) {
        break;
      }
      request_.append(bytes.data(), static_cast<std::size_t>(got));
    }
    if (answer_.empty()) {  // never answers: waits for the other side to give up
      (void)::recv(client, bytes.data(), bytes.size(), 0);
    }
    (void)::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    ::close(client);
  }

  std::string answer_;
  int listener_;
  std::string port_;
  std::string request_;
  std::thread thread_;
};

PushCommand push_to(const std::string& port) {
  PushCommand command;
  command.port = port;
  command.data = "{\"n\":1}";
  return command;
}

TEST(CommandsHttp, PushPrintsTheAnswer) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"id\":\"a\"...}");
  const auto result = run_push(push_to(server.port()), {{"PUSHWIRE_API_KEY", "k1"}});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "{\"id\":\"a\"...}\n");
  EXPECT_EQ(result.err, "");
  const std::string& request = server.request();
  EXPECT_TRUE(request.starts_with("POST /v1/push HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("\r\nHost: 127.0.0.1:" + server.port() + "\r\n"), std::string::npos) << request;
  EXPECT_NE(request.find("\r\nAuthorization: Bearer k1\r\n"), std::string::npos) << request;
  EXPECT_NE(request.find("\r\nContent-Type: application/json\r\n"), std::string::npos) << request;
  EXPECT_TRUE(request.ends_with("\r\n\r\n{\"to\":{\"all\":true},\"data\":{\"n\":1}}")) << request;
}

TEST(CommandsHttp, KeyOfTheCommandLineWinsAndNoKeyIsNoHeader) {
  OneAnswer with_key("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  PushCommand command = push_to(with_key.port());
  command.key = "k2";
  EXPECT_EQ(run_push(command, {{"PUSHWIRE_API_KEY", "k1"}}).exit_code, 0);
  EXPECT_NE(with_key.request().find("\r\nAuthorization: Bearer k2\r\n"), std::string::npos);
  OneAnswer without("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(run_push(push_to(without.port()), {}).exit_code, 0);
  EXPECT_EQ(without.request().find("Authorization"), std::string::npos);
}

TEST(CommandsHttp, RefusedPushIsExitCodeOne) {
  OneAnswer server("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}");
  const auto result = run_push(push_to(server.port()), {});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "{}\n");
  EXPECT_EQ(result.err, "pushwire: refused: 401 Unauthorized\n");
}

TEST(CommandsHttp, UnreachableApiIsExitCodeOne) {
  std::string port;
  {
    const int taken = ::socket(AF_INET, SOCK_STREAM, 0);  // bound, so that nobody else gets it; not listening
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ASSERT_EQ(::bind(taken, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = std::to_string(ntohs(address.sin_port));
    const auto result = run_push(push_to(port), {});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.err, "pushwire: cannot reach 127.0.0.1:" + port + ": Connection refused\n");
    ::close(taken);
  }
}

TEST(CommandsHttp, ConnectionThatEndsWithoutAnAnswerIsAFailure) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
  const auto answer = post({"127.0.0.1", server.port(), "/", "", "{}"}, milliseconds(3'000));
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().message.starts_with("cannot get an answer from 127.0.0.1:")) << answer.error().message;
}

TEST(CommandsHttp, SilentServerIsGivenUpInTime) {
  OneAnswer server("");
  const auto answer = post({"127.0.0.1", server.port(), "/", "", "{}"}, milliseconds(100));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "no answer from 127.0.0.1:" + server.port() + " within 100 ms");
}

}  // namespace
}  // namespace pushwire::server
