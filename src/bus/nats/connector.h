// Connector: makes connections to NATS servers, one after the other, each on a thread of its own, since libnats
// connects only in calls that block.
//
// A connection that it made belongs to the taker's event loop from then on: the library runs no thread for it, never
// connects again by itself and pings nobody (Connection does). So nothing that is published waits unseen in a buffer
// of the library until some server is back.
// The library bounds its waiting but while a name is looked up and in a TLS handshake in which the server falls silent.
// An attempt that takes too long is left behind: its thread owns all that it uses and ends when the server, or TCP,
// ends that connection. Thread: the owner's. Lifetime: stop() at the latest in the destructor; it waits for an attempt
// that is under way.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bus/nats/library.h"
#include "bus/settings.h"
#include "net/fd.h"

namespace pushwire::bus::nats {

// Where libnats says what it wants of the event loop.
struct Door {
  int fd = -1;
  bool wants_to_write = false;
};

// A connection that stands: logged in, and the server has answered a ping.
struct Opened {
  std::unique_ptr<Door> door;  // outlives the connection
  ConnectionPtr connection;
  std::string server;  // "127.0.0.1:4222"
};

struct ServerName {
  std::string url;      // "nats://127.0.0.1:4222"
  std::string host;     // "127.0.0.1", as its certificate names it
  std::string address;  // "127.0.0.1:4222", for people
};
// `text` is "host:port", "host", or a URL. A user and password in it are taken over, and kept out of `address`.
ServerName parse_server(const std::string& text);

// What an operator should look at when a server cannot be connected to: names the setting.
std::string explain_failure(natsStatus status, std::string_view text, const NatsSettings& settings,
                            std::string_view address);

class Connector {
 public:
  static constexpr int kTimeoutMs = 2'000;  // the library's, for each step of an attempt that it bounds
  // For the whole of an attempt: with the resolver's usual 5 s for a name server that is away.
  static constexpr MonotonicMs kMostMs = 10'000;
  static constexpr MonotonicMs kStopMs = 3'000;
  // Attempts at one server that were left behind and have not ended: with so many it is passed over.
  static constexpr std::size_t kMostHanging = 4;
  static constexpr int kReadBytes = 64 * 1024;

  // `most_ms` for a whole attempt.
  explicit Connector(const NatsSettings& settings, MonotonicMs most_ms = kMostMs);
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;
  ~Connector();

  // An error names the setting that cannot work.
  Result<> start();
  // Becomes readable when an outcome is there; take() resets it.
  int fd() const noexcept { return ready_.get(); }
  // Tries the next server of the list. Requires: no attempt is under way.
  void connect();
  // The outcome of connect(), when there is one; that it takes too long is one. Call it at least each second, too.
  std::optional<Result<Opened>> take();
  // Ends the attempt that is under way, or leaves it behind after kStopMs.
  void stop();

 private:
  // Left behind.
  struct Hanging {
    std::size_t server;
    std::future<void> ended;
  };
  // False: too much hangs at each of them.
  bool find_next();
  void leave_behind();

  const NatsSettings settings_;
  const MonotonicMs most_ms_;
  std::vector<ServerName> servers_;
  net::Fd ready_;
  std::size_t next_ = 0;  // the server that is tried
  // The attempt that is under way.
  std::thread thread_;
  std::future<Result<Opened>> outcome_;
  std::future<void> ended_;
  MonotonicMs until_ = 0;
  std::vector<Hanging> hanging_;
};

}  // namespace pushwire::bus::nats
