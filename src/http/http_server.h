// HttpServer: the HTTP connections of one worker on one kind of listener, and their limits.
//
// The worker calls, once per turn and in this order: flush(), destroy_closed(); the loop's timer wheel does the rest.
// Thread: the worker's. Lifetime: it owns its connections; loop, handler and receive buffer outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "http/http_connection.h"
#include "http/request_parser.h"
#include "http/response.h"
#include "net/event_loop.h"
#include "net/fd.h"

namespace pushwire::http {

struct HttpLimits {
  ParserLimits parser;
  MonotonicMs head_timeout_ms = 10'000;   // a head: since accept or its first byte; 408
  MonotonicMs body_timeout_ms = 10'000;   // a body: since its head; 408
  MonotonicMs idle_timeout_ms = 75'000;   // between two requests; closed without a word
  MonotonicMs write_timeout_ms = 10'000;  // the client took not one byte of what we have for it
  MonotonicMs linger_ms = 1'000;          // after the last answer, so that the client reads it before a reset
  std::size_t linger_bytes = 256 * 1024;
  std::size_t output_bytes = 256 * 1024;  // more unsent than this: nothing more is read or parsed
  std::size_t read_bytes_per_turn = 64 * 1024;
  std::size_t requests_per_turn = 64;
};

class HttpServer {
 public:
  // `receive_buffer` may be shared by everything on the worker that reads and is done with the bytes before it returns.
  HttpServer(net::EventLoop& loop, HttpHandler& handler, std::span<char> receive_buffer, const HttpLimits& limits);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // A freshly accepted, non-blocking socket. False when the loop cannot take it: it is closed.
  bool adopt(net::Fd fd);
  // Connections that come from now on speak TLS. Null: they do not.
  void set_tls(std::shared_ptr<const net::TlsServer> tls) { tls_ = std::move(tls); }
  bool has_tls() const noexcept { return tls_ != nullptr; }
  HttpConnection* find(ConnectionTicket ticket) noexcept;

  // Connections that are neither closed nor taken over.
  std::size_t open_count() const noexcept { return open_; }
  const HttpLimits& limits() const noexcept { return limits_; }
  // For requests that begin after it.
  void set_limits(const HttpLimits& limits) { limits_ = limits; }

  void flush();
  void destroy_closed();
  // Closes all, at once. on_closed() is called for each.
  void shutdown();

 private:
  friend class HttpConnection;

  static constexpr std::size_t kMaxSpareBuffers = 64;

  std::unique_ptr<ConnectionBuffers> take_buffers();
  void give_back(std::unique_ptr<ConnectionBuffers> buffers);
  void mark_closed(HttpConnection& connection);

  net::EventLoop& loop_;
  HttpHandler& handler_;
  const std::span<char> receive_buffer_;
  HttpLimits limits_;
  std::shared_ptr<const net::TlsServer> tls_;
  DateCache date_;
  struct Slot {
    std::unique_ptr<HttpConnection> connection;
    std::uint32_t generation = 0;
  };
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<ConnectionTicket> dirty_;
  std::vector<ConnectionTicket> flushing_;
  std::vector<std::uint32_t> closed_;
  std::vector<std::unique_ptr<ConnectionBuffers>> spare_;
  std::size_t open_ = 0;
};

}  // namespace pushwire::http
