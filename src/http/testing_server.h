// For tests: an HttpServer over socket pairs and a loop that is turned by hand, with a handler that answers by path.
// Thread: the test's.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/http_server.h"
#include "net/event_loop.h"
#include "net/listener.h"

namespace pushwire::http::testing {

class TestServer final : public HttpHandler, public net::TurnHandler {
 public:
  explicit TestServer(const HttpLimits& limits = {}) : server(loop, *this, receive_buffer_, limits) {}

  // The client's end of a new connection; non-blocking.
  net::Fd connect(int send_buffer_bytes = 0) {
    std::array<int, 2> ends{};
    PW_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    if (send_buffer_bytes > 0) {
      ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes);
    }
    PW_CHECK(server.adopt(net::Fd(ends[0])));
    return net::Fd(ends[1]);
  }

  net::Fd connect_tcp() {
    const net::Fd listener = net::listen_on(net::parse_address("127.0.0.1", 0).value(), {}).value();
    const net::Address to = net::local_address(listener.get());
    net::Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    PW_CHECK(::connect(client.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) == 0);
    PW_CHECK(::fcntl(client.get(), F_SETFL, O_NONBLOCK) == 0);
    PW_CHECK(server.adopt(net::Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC))));
    return client;
  }

  void turns(int count = 4) {
    for (int i = 0; i < count; ++i) {
      loop.turn(*this, 0);
    }
  }
  // Lets deadlines pass without waiting for them.
  void let_pass(MonotonicMs ms) {
    passed_ += ms;
    loop.timers().expire(loop.now() + passed_);
    turns();
  }

  // Sends what fits, and turns the loop.
  static std::size_t write(const net::Fd& client, std::string_view bytes) {
    const ssize_t sent = ::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }
  void send(const net::Fd& client, std::string_view bytes) {
    PW_CHECK(write(client, bytes) == bytes.size());
    turns();
  }
  // What waits for the client now; "<end>" is appended when the server has ended the stream, "<reset>" at an error.
  static std::string receive(const net::Fd& client, std::size_t limit = 1 << 24) {
    std::string all;
    std::array<char, 4096> part;
    while (all.size() < limit) {
      const ssize_t got = ::recv(client.get(), part.data(), std::min(part.size(), limit - all.size()), 0);
      if (got <= 0) {
        return all + (got == 0 ? "<end>" : errno == EAGAIN ? "" : "<reset>");
      }
      all.append(part.data(), static_cast<std::size_t>(got));
    }
    return all;
  }
  std::string exchange(const net::Fd& client, std::string_view bytes) {
    send(client, bytes);
    return receive(client);
  }

  // The handler: /later and /upgrade wait for the test, /close ends the connection, /big answers a mebibyte, all else
  // is answered with "METHOD path body".
  std::optional<Response> on_head(HttpConnection&, const Request& request) override {
    heads.push_back(std::string(request.path));
    return request.path == "/refused" ? std::optional(json_error(401, "unauthorized", "no")) : std::nullopt;
  }
  void on_request(HttpConnection& connection, const Request& request) override {
    requests.push_back(std::string(request.path));
    if (request.path.starts_with("/later") || request.path.starts_with("/upgrade")) {
      waiting.push_back(connection.ticket());
    } else if (request.path == "/take") {
      taken.push_back(connection.take_over());
    } else if (request.path == "/close") {
      connection.respond(text("closed").and_close());
    } else if (request.path == "/kill") {
      connection.close_now();
    } else if (request.path == "/big") {
      connection.respond(text(std::string(1 << 20, 'b')));
    } else {
      connection.respond(text(fmt::format("{} {} {}", request.method_text, request.path, request.body)));
    }
  }
  void on_refused(HttpConnection&, const RequestError& error) override { refused.push_back(error.status); }
  void on_closed(HttpConnection& connection) override {
    ++closed;
    abandoned += connection.abandoned() ? 1 : 0;
  }

  void drain_mail() override {}
  void on_timers(MonotonicMs now) override { loop.timers().expire(now); }
  void flush() override { server.flush(); }
  void destroy_closed() override { server.destroy_closed(); }
  bool has_work() const override { return false; }

  static Response text(std::string body) { return {200, "text/plain", std::move(body), {}, {}, false}; }

  net::EventLoop loop;

 private:
  std::array<char, 64 * 1024> receive_buffer_{};
  MonotonicMs passed_ = 0;

 public:
  HttpServer server;
  std::vector<std::string> heads;
  std::vector<std::string> requests;
  std::vector<int> refused;
  std::vector<ConnectionTicket> waiting;
  std::vector<TakenOver> taken;
  int closed = 0;
  int abandoned = 0;
};

// "200 body" of each answer in the bytes, joined by '\n'; heads are checked for a length.
inline std::string answers_in(std::string_view bytes) {
  std::string all;
  while (bytes.starts_with("HTTP/1.1 ")) {
    const std::string_view status = bytes.substr(9, 3);
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == bytes.npos) {
      return all + "<broken head>";
    }
    const std::string_view head = bytes.substr(0, end);
    const std::size_t at = head.find("Content-Length: ");
    const std::size_t length = at == head.npos ? 0 : std::stoul(std::string(head.substr(at + 16, 20)));
    bytes.remove_prefix(end + 4);
    all.append(status).append(" ").append(bytes.substr(0, length)).append("\n");
    bytes.remove_prefix(std::min(length, bytes.size()));
  }
  return all.append(bytes);
}

}  // namespace pushwire::http::testing
