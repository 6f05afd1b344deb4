// WebClient: one WebSocket connection of the load. It connects, shakes hands, says hello, skips the server's greeting
// and then hands every message to its owner. Answers pings. Thread: the client process's only one. Lifetime: owned by
// the Loader, never moves while connected.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/event_loop.h"
#include "net/fd.h"
#include "net/io_handler.h"

namespace pushwire::bench {

class WebClient;

// What clients need and tell; implemented by the Loader.
class WebClientOwner {
 public:
  virtual net::EventLoop& loop() = 0;
  // The request that opens the connection, and the frames to send after the handshake (may be empty).
  virtual std::string opening_request(const WebClient& client) = 0;
  virtual std::string hello(const WebClient& client) = 0;
  virtual void on_ready(WebClient& client) = 0;
  // A data frame after the greeting.
  virtual void on_message(WebClient& client, std::string_view payload) = 0;
  // The connection is gone, or never came. Not called for stop().
  virtual void on_gone(WebClient& client, std::string_view why) = 0;

 protected:
  ~WebClientOwner() = default;
};

class WebClient final : public net::IoHandler {
 public:
  enum class State : std::uint8_t { kIdle, kConnecting, kHandshake, kGreeting, kReady };

  WebClient(WebClientOwner& owner, std::uint32_t number) noexcept : owner_(owner), number_(number) {}

  std::uint32_t number() const noexcept { return number_; }
  State state() const noexcept { return state_; }
  std::int64_t started_ns() const noexcept { return started_ns_; }

  // Requires: kIdle. `fd` is on its way (start_connecting).
  void start(net::Fd fd, std::uint32_t frames_to_skip, std::int64_t now_ns);
  // Ends the connection with a reset, without a word to the owner.
  void stop() noexcept;
  // Sends a text message. The connection may be gone afterwards.
  void say(std::string_view text);
  // From now on it reads nothing, as a stuck device would.
  void stall() noexcept { stalled_ = true; }
  bool stalled() const noexcept { return stalled_; }

  void on_io(std::uint32_t events) override;

 private:
  void read(std::uint32_t events);
  // What is left of `bytes` when the connection wants more; it may be gone afterwards.
  std::string_view take(std::string_view bytes);
  std::string_view take_handshake(std::string_view bytes);
  void take_frame(std::uint8_t opcode, std::string_view payload);
  void send(std::string text);
  void become_ready();
  void drop(std::string_view why);

  WebClientOwner& owner_;
  const std::uint32_t number_;
  State state_ = State::kIdle;
  bool stalled_ = false;
  net::Fd fd_;
  std::uint32_t to_skip_ = 0;
  std::int64_t started_ns_ = 0;
  std::string partial_;  // the front of what has not wholly arrived
  std::string unsent_;
};

}  // namespace pushwire::bench
