// ClientStream: one outgoing TCP connection, with TLS if asked for. Name lookup, connect, TLS handshake, reads and
// writes never block the loop.
// Thread: the loop's. Lifetime: its handler outlives it; it may be destroyed in any callback but its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/event_loop.h"

namespace pushwire::net {

// Which certificate authorities a server's certificate must come from. Immutable; shared by all streams of a bus.
class TlsClient;
// `ca_file`: PEM; empty: the system's authorities. The error names the file and what is wrong with it.
Result<std::shared_ptr<const TlsClient>> make_tls_client(const std::string& ca_file);

struct Endpoint {
  std::string host;  // name or address, IPv6 without brackets
  std::uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
  // "redis.internal:6379", "[::1]:6379".
  std::string to_string() const;
};
// "host:port" or "[::1]:port"; `default_port` when there is none (0: a port must be there).
Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port = 0);

class StreamHandler {
 public:
  // Connected, TLS agreed upon and the server's name found in its certificate.
  virtual void on_open() = 0;
  // What has come, valid during the call. The stream may be closed in it, not destroyed.
  virtual void on_bytes(std::string_view bytes) = 0;
  // Once: could not be opened in time, or was lost. Not called after close().
  virtual void on_lost(const Error& why) = 0;

 protected:
  ~StreamHandler() = default;
};

// System calls as the stream makes them, so that a test can let each of them fail in turn.
struct SocketCalls;

struct StreamOptions {
  Endpoint endpoint;
  std::shared_ptr<const TlsClient> tls;  // null: plain TCP
  MonotonicMs open_timeout = 3'000;      // for lookup, connect and handshake together
  const SocketCalls* calls = nullptr;    // null: the kernel's
};

class ClientStream {
 public:
  ClientStream(EventLoop& loop, StreamHandler& handler);
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;
  ~ClientStream();

  // Requires: neither open nor opening. Ends in on_open() or on_lost(), never inside this call.
  void open(StreamOptions options);
  bool is_open() const noexcept;
  // Collects; flush() at the end of the turn writes it. Ignored unless open.
  void write(std::string_view bytes);
  void flush();
  // Bytes that the kernel has not taken yet: the caller's limit looks here.
  std::size_t waiting_bytes() const noexcept;
  // While paused nothing is read and the peer feels it; what was read before is still handed over.
  void set_paused(bool paused);
  // At once and without on_lost(). May be opened again.
  void close();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pushwire::net
