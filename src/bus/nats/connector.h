// Connector: makes connections to NATS servers, one after the other, on a thread of its own, since libnats connects
// only in calls that block.
//
// A connection that it made belongs to the taker's event loop from then on: the library runs no thread for it, never
// connects again by itself and pings nobody (Connection does). So nothing that is published waits unseen in a buffer
// of the library until some server is back.
// Thread: the owner's; the connection attempts run on "nats-connect". Lifetime: stop() at the latest in the
// destructor; it waits for an attempt that is under way (kTimeoutMs, and the resolver's time for a name).
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

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
  static constexpr int kTimeoutMs = 2'000;  // for one attempt at one server
  static constexpr int kReadBytes = 64 * 1024;

  explicit Connector(const NatsSettings& settings);
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;
  ~Connector();

  // Starts the thread. An error names the setting that cannot work.
  Result<> start();
  // Becomes readable when an outcome is there; take() resets it.
  int fd() const noexcept { return ready_.get(); }
  // Tries the next server of the list. Requires: no attempt is under way.
  void connect();
  // The outcome of connect(), when there is one.
  std::optional<Result<Opened>> take();
  void stop();

 private:
  Result<> make_options(const ServerName& server);
  Result<> set_login();
  Result<> set_tls(const ServerName& server);
  void run();
  Result<Opened> attempt();
  static natsStatus attach(void** user_data, void* loop, natsConnection* connection, natsSock fd);

  const NatsSettings settings_;
  std::vector<ServerName> servers_;
  net::Fd ready_;
  std::thread thread_;
  // The thread's own, once it runs.
  OptionsPtr options_;
  std::size_t next_ = 0;
  std::unique_ptr<Door> door_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;                    // guarded by mutex_
  bool stopping_ = false;                  // guarded by mutex_
  std::optional<Result<Opened>> outcome_;  // guarded by mutex_
};

}  // namespace pushwire::bus::nats
