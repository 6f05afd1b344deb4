// Connection: one connection to the Redis server, logged in, watched, and made again by itself when it is lost.
//
//   waiting --back-off over--> connecting --connected, AUTH and PING answered--> ready --lost or refused--> waiting
//
// A server that says nothing is noticed within 5 s: it is asked (PING) after kAskAfter without a word, and given up
// after kSilentFor. Thread: the loop's. Lifetime: its role and options outlive it.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bus/backoff.h"
#include "bus/redis/reply_reader.h"
#include "net/client_stream.h"

namespace pushwire::bus::redis {

struct ConnectionOptions {
  net::Endpoint server;
  std::shared_ptr<const net::TlsClient> tls;
  std::string username;
  std::string password;  // empty: none
  const net::SocketCalls* calls = nullptr;
};

// What a connection is for. Called on the loop's thread, never inside a call to the connection; fail() and pause() may
// be called in all of it.
class ConnectionRole {
 public:
  // Logged in: the role says its first commands.
  virtual void on_ready() = 0;
  // Answers to its commands, errors included; those to the connection's own are not seen here.
  virtual void on_item(const ReplyItem& item) = 0;
  virtual void on_reply_end() = 0;
  // `reason` names the setting to look at. Another attempt follows by itself. Also told of attempts that failed.
  virtual void on_lost(const std::string& reason) = 0;
  // An answer is on its way that the server sends by itself in time, and it would answer nothing else before.
  virtual bool is_blocked() const { return false; }

 protected:
  ~ConnectionRole() = default;
};

class Connection final : private net::StreamHandler, private net::Timer, private ReplyEvents {
 public:
  static constexpr MonotonicMs kAskAfter = 1'500;
  static constexpr MonotonicMs kSilentFor = 4'000;

  Connection(net::EventLoop& loop, const ConnectionOptions& options, ConnectionRole& role);
  ~Connection() override { close(); }

  void open();
  void close();
  bool is_ready() const noexcept { return state_ == State::kReady; }
  // Requires: ready. Collects; flush() sends.
  void command(std::initializer_list<std::string_view> words);
  void flush() { stream_.flush(); }
  // What the kernel has not taken yet: the caller's limit looks here.
  std::size_t waiting_bytes() const noexcept { return stream_.waiting_bytes(); }
  // The server's answer makes this connection useless: it is closed at the end of what is being read.
  void refuse(std::string_view error);
  void fail(std::string reason);
  // While paused nothing is read, and silence is none of the server's.
  void set_paused(bool paused);
  std::string server() const { return options_.server.to_string(); }

 private:
  enum class State : std::uint8_t { kClosed, kWaiting, kConnecting, kLoggingIn, kReady };

  // net::StreamHandler
  void on_open() override;
  void on_bytes(std::string_view bytes) override;
  void on_lost(const Error& why) override;
  // ReplyEvents
  void on_item(const ReplyItem& item) override;
  void on_reply_end() override;
  // net::Timer
  void on_timer(MonotonicMs now) override;

  void connect();
  void write(std::initializer_list<std::string_view> words);
  void give_up(const std::string& reason);
  void look_for_silence(MonotonicMs now);

  net::EventLoop& loop_;
  const ConnectionOptions& options_;
  ConnectionRole& role_;
  net::ClientStream stream_;
  std::optional<ReplyReader> reader_;
  Backoff backoff_;
  State state_ = State::kClosed;
  std::string failed_;  // why the connection ends when what came is read
  MonotonicMs heard_ = 0;
  MonotonicMs ready_since_ = 0;
  bool asked_ = false;     // since the server was heard last
  bool answered_ = false;  // anything, since it was connected
  bool paused_ = false;
  bool own_reply_ = false;  // the answer that is being read is the connection's own
};

}  // namespace pushwire::bus::redis
