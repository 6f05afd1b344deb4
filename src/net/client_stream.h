// ClientStream: one outgoing TCP connection, with TLS if asked for. Name lookup, connect, TLS handshake, reads and
// writes never block the loop.
// Addresses of a name are tried one after the other. Whoever is lost is told the server's name, and why: the words are
// for an operator, and the owner puts the setting's name before them.
// Thread: the loop's. Lifetime: its handler outlives it; it may be destroyed in any callback but its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/endpoint.h"
#include "net/event_loop.h"
#include "net/tls_client.h"

namespace pushwire::net {

class StreamHandler {
 public:
  // Connected, TLS agreed upon and the server's name found in its certificate.
  virtual void on_open() = 0;
  // What has come, valid during the call. The stream may be closed and opened again in it, not destroyed.
  virtual void on_bytes(std::string_view bytes) = 0;
  // Once per open(): could not be opened in time, or was lost; all that came before has been handed over. The stream is
  // closed and may be opened again at once. Never called inside open(), write() or flush(), nor after close().
  virtual void on_lost(const Error& why) = 0;

 protected:
  ~StreamHandler() = default;
};

struct SocketCalls;  // net/socket_calls.h

struct StreamOptions {
  Endpoint endpoint;
  std::shared_ptr<const TlsClient> tls = nullptr;  // null: plain TCP
  MonotonicMs open_timeout = 3'000;                // for lookup, connect and handshake together
  const SocketCalls* calls = nullptr;              // null: the kernel's; a test's own let each call fail in turn
};

class ClientStream {
 public:
  ClientStream(EventLoop& loop, StreamHandler& handler);
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;
  ~ClientStream();

  // Requires: neither open nor opening. Ends in on_open() or on_lost(), never inside this call. Needs a loop whose turn
  // lets the timers expire.
  void open(StreamOptions options);
  bool is_open() const noexcept;
  // Collects; flush() at the end of the turn writes it. Ignored unless open.
  void write(std::string_view bytes);
  void flush();
  // Bytes that the kernel has not taken yet: the caller's limit looks here.
  std::size_t waiting_bytes() const noexcept;
  // While paused nothing is read and the peer feels it; what was read before is still handed over. That the connection
  // was lost meanwhile is noticed by the next write or after the pause. close() ends the pause.
  void set_paused(bool paused);
  // At once and without on_lost(). May be opened again.
  void close();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pushwire::net
