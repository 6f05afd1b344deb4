// For tests only: a worker's turn without a worker, and clients on the other end of real sockets.
// One thread. Nothing waits for ever: every loop here is bounded in time.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/event_loop.h"
#include "session/session_manager.h"
#include "websocket/frame.h"

namespace pushwire::session::test {

// One frame as a client sees it: "text hello", "close 3008 slow client", "ping", "binary ...".
inline std::string describe(unsigned opcode, std::string_view payload) {
  const std::string rest = payload.empty() ? "" : " " + std::string(payload);
  switch (opcode) {
    case 1:
      return "text" + rest;
    case 2:
      return "binary" + rest;
    case 9:
      return "ping" + rest;
    case 10:
      return "pong" + rest;
    case 8:
      break;
    default:
      return "opcode " + std::to_string(opcode);
  }
  if (payload.size() < 2) {
    return payload.empty() ? "close" : "close with half a code";
  }
  const unsigned code = static_cast<unsigned char>(payload[0]) * 256U + static_cast<unsigned char>(payload[1]);
  return "close " + std::to_string(code) + (payload.size() == 2 ? "" : " " + std::string(payload.substr(2)));
}

// The client's end of a connection: sends masked frames, takes the server's frames apart and insists that they are
// well-formed.
class Client {
 public:
  explicit Client(int fd) : fd_(fd) {}

  int fd() const noexcept { return fd_.get(); }
  void send_bytes(std::string_view bytes) {
    PW_CHECK(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  static std::string frame(unsigned first_byte, std::string_view payload) {
    PW_CHECK(payload.size() <= 65535);
    std::string bytes(1, static_cast<char>(first_byte));
    if (payload.size() <= 125) {
      bytes += static_cast<char>(0x80U | payload.size());
    } else {
      bytes +=
          {static_cast<char>(0x80U | 126U), static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())};
    }
    bytes.append(4, '\0');  // a mask of zeros leaves the payload readable
    return bytes.append(payload);
  }
  // How many of the bytes the socket takes at this moment.
  std::size_t try_send(std::string_view bytes) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  void text(std::string_view payload) { send_bytes(frame(0x81, payload)); }
  void ping(std::string_view payload) { send_bytes(frame(0x89, payload)); }
  void close(std::uint16_t code) {
    send_bytes(frame(0x88, std::string{static_cast<char>(code >> 8), static_cast<char>(code)}));
  }
  void close_empty() { send_bytes(frame(0x88, {})); }
  void hang_up() { fd_.reset(); }
  void shut_down() { ::shutdown(fd_.get(), SHUT_WR); }

  // Reads what is there, at most `limit` bytes. Afterwards eof() tells whether the stream has ended.
  void read(std::size_t limit = SIZE_MAX) {
    char buffer[64 * 1024];
    while (limit > 0 && !eof_) {
      const ssize_t got = ::recv(fd_.get(), buffer, std::min(sizeof buffer, limit), MSG_DONTWAIT);
      if (got < 0) {
        eof_ = errno != EAGAIN;
        return;
      }
      if (got == 0) {
        eof_ = true;
        return;
      }
      ++reads_;
      stream_.append(buffer, static_cast<std::size_t>(got));
      limit -= static_cast<std::size_t>(got);
    }
  }
  bool eof() const noexcept { return eof_; }
  // recv() calls that brought something: on a SOCK_SEQPACKET socket, the writes of the server.
  std::size_t reads() const noexcept { return reads_; }
  // Everything that came and was not yet taken, and takes it.
  std::string take_bytes() { return std::exchange(stream_, {}); }

  // All whole frames that have come since the last call. Bytes of an unfinished frame stay.
  std::vector<std::string> frames() {
    read();
    std::vector<std::string> list;
    while (const auto frame = take_frame()) {
      list.push_back(*frame);
    }
    return list;
  }
  bool inside_frame() const noexcept { return !stream_.empty(); }

 private:
  std::optional<std::string> take_frame() {
    if (stream_.size() < 2) {
      return std::nullopt;
    }
    const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(stream_[i])); };
    PW_CHECK((byte(0) & 0xf0U) == 0x80U && (byte(1) & 0x80U) == 0);  // whole, no extension, not masked
    std::size_t size = byte(1);
    const std::size_t extra = size == 127 ? 8 : (size == 126 ? 2 : 0);
    if (stream_.size() < 2 + extra) {
      return std::nullopt;
    }
    if (extra > 0) {
      size = 0;
      for (std::size_t i = 0; i < extra; ++i) {
        size = size * 256 + byte(2 + i);
      }
    }
    if (stream_.size() < 2 + extra + size) {
      return std::nullopt;
    }
    std::string frame =
        describe(static_cast<unsigned>(byte(0) & 0xfU), std::string_view(stream_).substr(2 + extra, size));
    stream_.erase(0, 2 + extra + size);
    return frame;
  }

  net::Fd fd_;
  std::string stream_;
  std::size_t reads_ = 0;
  bool eof_ = false;
};

struct SocketPair {
  net::Fd server;
  int client;
};

// Both non-blocking. `send_buffer` bytes (0: as it is) hold back what the client does not read.
inline SocketPair make_sockets(int type, int send_buffer) {
  int fds[2];
  PW_CHECK(::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
  if (send_buffer > 0) {
    PW_CHECK(::setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer) == 0);
  }
  return {net::Fd(fds[0]), fds[1]};
}

inline PendingUpgrade upgrade_for(std::string_view user, net::Fd fd) {
  PendingUpgrade upgrade;
  upgrade.fd = std::move(fd);
  upgrade.user = user;
  return upgrade;
}

inline net::LocalBuffer message_frame(std::string_view payload) {
  return {websocket::encode_frame(websocket::Opcode::kText, payload), net::FrameKind::kMessage};
}

// Calls `turn` until `done` or `limit_ms` have passed; whether it is done.
template <class Turn, class Done>
bool turn_until(Turn&& turn, int limit_ms, Done&& done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    turn();
  }
  return true;
}

// A session manager with its loop; what it says of topics is written down.
class Bench final : public SessionEvents, private net::TurnHandler {
 public:
  explicit Bench(SessionOptions options = {}) : manager(loop, stats, *this, options) {}

  // Null when it was refused. The client's end goes to `client`.
  ChannelSession* admit(std::string_view user, SocketPair& sockets) {
    PendingUpgrade upgrade = upgrade_for(user, std::move(sockets.server));
    ChannelSession* session = manager.admit(upgrade);
    sockets.server = std::move(upgrade.fd);
    return session;
  }
  void turn(int wait_ms = 0) { loop.turn(*this, wait_ms); }
  // Turns for so long: for what depends on the clock.
  void run_for(int ms) {
    turn_until([&] { turn(10); }, ms, [] { return false; });
  }
  template <class Done>
  bool run_until(int limit_ms, Done&& done) {
    return turn_until([&] { turn(10); }, limit_ms, done);
  }
  std::uint64_t disconnects(protocol::Disconnect why) const {
    return stats.disconnects[static_cast<std::size_t>(why)].value();
  }
  std::uint64_t drops(metrics::DropReason reason) const { return stats.drops[metrics::index_of(reason)].value(); }

  net::EventLoop loop;
  metrics::WorkerStats stats;
  std::vector<std::string> events;  // "subscribe t", "unsubscribe t", "leave user"
  SessionManager manager;

 private:
  void on_subscribe(ChannelSession&, std::string_view topic) override {
    events.push_back("subscribe " + std::string(topic));
  }
  void on_unsubscribe(ChannelSession&, std::string_view topic) override {
    events.push_back("unsubscribe " + std::string(topic));
  }
  void on_leave(ChannelSession& session) override { events.push_back("leave " + std::string(session.user().user())); }

  void drain_mail() override {}
  void on_timers(MonotonicMs now) override { loop.timers().expire(now); }
  void flush() override { manager.flush(); }
  void destroy_closed() override { manager.destroy_closed(); }
  bool has_work() const override { return false; }
};

// A connected client of a bench, with its session (valid until its connection has ended).
struct Connected {
  Connected(Bench& bench, std::string_view user, int type = SOCK_STREAM, int send_buffer = 0)
      : Connected(bench, user, make_sockets(type, send_buffer)) {}
  Connected(Bench& bench, std::string_view user, SocketPair sockets)
      : client(sockets.client), session(bench.admit(user, sockets)) {}

  Client client;
  ChannelSession* session;
};

}  // namespace pushwire::session::test
