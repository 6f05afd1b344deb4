#include "bench/web_client.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <utility>

#include "bench/socket.h"
#include "bench/wire.h"

namespace pushwire::bench {
namespace {

constexpr std::size_t kMaxHead = 64 * 1024;
constexpr std::uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

}  // namespace

void WebClient::start(net::Fd fd, std::uint32_t frames_to_skip, std::int64_t now_ns) {
  fd_ = std::move(fd);
  to_skip_ = frames_to_skip;
  started_ns_ = now_ns;
  stalled_ = false;
  partial_.clear();
  unsent_.clear();
  state_ = State::kConnecting;
  if (!owner_.loop().add(fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, *this)) {
    drop("the kernel refuses to watch another descriptor");
  }
}

void WebClient::stop() noexcept {
  close_hard(fd_);
  state_ = State::kIdle;
}

void WebClient::drop(std::string_view why) {
  stop();
  owner_.on_gone(*this, why);
}

void WebClient::on_io(std::uint32_t events) {
  if (state_ == State::kIdle) {
    return;  // stopped earlier in this turn
  }
  if (state_ == State::kConnecting && (events & EPOLLOUT) != 0 && (events & (EPOLLERR | EPOLLHUP)) == 0) {
    state_ = State::kHandshake;
    unsent_ = owner_.opening_request(*this);
  }
  if (!unsent_.empty() && !write_some(fd_.get(), unsent_)) {
    drop("connection broken");
    return;
  }
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 && state_ == State::kConnecting) {
    drop("connection refused");
    return;
  }
  if ((events & (EPOLLIN | kEnd)) != 0 && !stalled_) {
    read(events);
  } else if (stalled_ && (events & (EPOLLHUP | EPOLLERR)) != 0) {
    drop("closed by the server");
  }
}

void WebClient::read(std::uint32_t events) {
  while (state_ != State::kIdle && !stalled_) {
    const std::optional<std::string_view> bytes = read_some(fd_.get());
    if (!bytes) {
      drop("closed by the server");
      return;
    }
    if (bytes->empty()) {
      return;
    }
    if (partial_.empty()) {
      partial_ = take(*bytes);
    } else {
      const std::string whole = std::exchange(partial_, {}).append(*bytes);
      partial_ = take(whole);
    }
    if (bytes->size() < kReadBytes && (events & kEnd) == 0) {
      return;  // nothing more is there; what comes later is a new edge
    }
  }
}

std::string_view WebClient::take(std::string_view bytes) {
  if (state_ == State::kHandshake) {
    bytes = take_handshake(bytes);
  }
  while (state_ == State::kGreeting || state_ == State::kReady) {
    const Result<std::optional<ServerFrame>> frame = next_server_frame(bytes);
    if (!frame) {
      drop(frame.error().message);
      return {};
    }
    if (!*frame) {
      break;
    }
    take_frame(static_cast<std::uint8_t>((*frame)->opcode), (*frame)->payload);
  }
  return state_ == State::kIdle ? std::string_view() : bytes;
}

std::string_view WebClient::take_handshake(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == bytes.npos && bytes.size() <= kMaxHead) {
    return bytes;
  }
  if (end == bytes.npos || !bytes.starts_with("HTTP/1.1 101 ")) {
    drop(fmt::format("handshake refused: {}", bytes.substr(0, bytes.substr(0, 80).find('\r'))));
    return {};
  }
  send(owner_.hello(*this));
  if (state_ == State::kIdle) {
    return {};
  }
  state_ = State::kGreeting;
  if (to_skip_ == 0) {
    become_ready();
  }
  return bytes.substr(end + 4);
}

void WebClient::take_frame(std::uint8_t opcode, std::string_view payload) {
  switch (static_cast<websocket::Opcode>(opcode)) {
    case websocket::Opcode::kPing:
      send(client_frame(websocket::Opcode::kPong, payload));
      return;
    case websocket::Opcode::kPong:
      return;
    case websocket::Opcode::kClose:
      drop("the server said goodbye");
      return;
    default:
      break;
  }
  if (state_ == State::kReady) {
    owner_.on_message(*this, payload);
    return;
  }
  if (--to_skip_ == 0) {
    become_ready();
  }
}

void WebClient::send(std::string text) {
  unsent_ += text;
  if (!unsent_.empty() && !write_some(fd_.get(), unsent_)) {
    drop("connection broken");
  }
}

void WebClient::say(std::string_view text) {
  send(client_frame(websocket::Opcode::kText, text));
}

void WebClient::become_ready() {
  state_ = State::kReady;
  owner_.on_ready(*this);
}

}  // namespace pushwire::bench
