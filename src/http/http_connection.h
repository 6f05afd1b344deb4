// HttpConnection: one client of an HttpServer, from accept to close or take-over.
//
// Requests are answered strictly in order: the next one is parsed only after the one before was answered, so that a
// pipelining client cannot pile up work. Answers gather in one buffer and leave in one write at the end of the turn.
// Input is read into the server's shared buffer; a connection keeps only what it could not use yet, and at rest (no
// request begun, nothing unsent) it holds no buffer at all.
// Thread: the worker's. Lifetime: owned by its HttpServer, destroyed in destroy_closed() and nowhere else; outside a
// call-back it is named by its ticket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "http/request_parser.h"
#include "http/response.h"
#include "net/event_loop.h"
#include "net/fd.h"
#include "net/io_handler.h"
#include "net/timer_wheel.h"
#include "net/tls_connection.h"

namespace pushwire::http {

class HttpConnection;
class HttpServer;

// Names a connection in mail and tables: HttpServer::find() gives it, or nothing when it has gone.
struct ConnectionTicket {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  bool operator==(const ConnectionTicket&) const = default;
};

// Implemented above; called on the worker's thread.
class HttpHandler {
 public:
  // A request with a body, before the body is read and also when it is too large: an answer given here refuses it
  // (401, 404, 405, 415 come before 413), and no body is read. `request.body` is empty.
  virtual std::optional<Response> on_head(HttpConnection& connection, const Request& request);
  // A whole request. Answer it exactly once, now or later: connection.respond() or connection.take_over(). `request`
  // is valid until then.
  virtual void on_request(HttpConnection& connection, const Request& request) = 0;
  // A request was refused with this error by the connection itself (malformed, too large, too slow), or TLS could not
  // be agreed on (status 0: there is nobody to tell).
  virtual void on_refused(HttpConnection& connection, const RequestError& error);
  // The connection is gone; not called after take_over(). If connection.abandoned(), a request was never answered.
  virtual void on_closed(HttpConnection& connection);

 protected:
  ~HttpHandler() = default;
};

// What take_over() gives away. Everything answered before has been handed to the kernel.
struct TakenOver {
  net::Fd fd;                               // non-blocking, no longer registered with the loop
  std::unique_ptr<net::TlsConnection> tls;  // null: in the clear
  std::string leftover;                     // bytes received behind the request
};

// What a connection in work borrows from its server.
struct ConnectionBuffers {
  RequestParser parser;
  std::string input;  // received and not yet parsed; at most one filling of the shared receive buffer
  std::size_t parsed = 0;
  std::string output;  // answered and not yet with the kernel
  std::size_t sent = 0;
};

class HttpConnection final : public net::IoHandler, private net::Timer {
 public:
  HttpConnection(HttpServer& server, net::Fd fd, std::unique_ptr<net::TlsConnection> tls, ConnectionTicket ticket);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Requires: awaits_answer().
  void respond(const Response& response);
  // Requires: awaits_answer() and request().upgrade. The connection is dead after this.
  TakenOver take_over();
  // Ends it without another word; on_closed() is called.
  void close_now();

  bool awaits_answer() const noexcept { return phase_ == Phase::kAwaitingAnswer; }
  // In on_closed(): it was closed while a request awaited its answer.
  bool abandoned() const noexcept { return abandoned_; }
  // The request that awaits its answer. Requires: awaits_answer().
  const Request& request() const noexcept { return buffers_->parser.request(); }
  // The request in work as far as its head is known, also one that is being refused; null between requests.
  const Request* head() const noexcept {
    return buffers_ && buffers_->parser.has_head() ? &buffers_->parser.request() : nullptr;
  }
  ConnectionTicket ticket() const noexcept { return ticket_; }
  // For net::peer_address() and socket options; never to be read, written or closed.
  int fd() const noexcept { return fd_.get(); }

  void on_io(std::uint32_t events) override;

 private:
  friend class HttpServer;

  enum class Phase : std::uint8_t {
    kReading,         // between requests or inside one
    kAwaitingAnswer,  // the handler has it
    kHeld,            // an upgrade that waits until the answers before it are with the kernel
    kFinishing,       // the last answer is on its way; nothing is parsed any more
    kLingering,       // our side is shut; what the client still sends is thrown away for a moment
    kClosed,
  };

  // Called by the server.
  bool start();
  void flush();
  std::unique_ptr<ConnectionBuffers> release_buffers() noexcept { return std::move(buffers_); }
  bool closed() const noexcept { return phase_ == Phase::kClosed; }

  void on_timer(MonotonicMs now) override;
  void advance();
  std::size_t read_once();
  void process(std::string_view bytes);
  void parse_once();
  void on_head_done();
  void on_parse_error(const RequestError& error);
  void dispatch();
  void on_deadline();

  void refuse(const RequestError& error);
  bool refused_by_handler();
  void write_answer(const Response& response, AnswerForm form);
  void finish();
  void linger();
  void discard_input();
  ssize_t receive();
  ssize_t send(std::string_view bytes);
  void wait_for_room();
  void on_input_end();
  void rest_if_idle();
  void close();

  ConnectionBuffers& buffers();
  std::size_t unsent() const noexcept;
  std::string_view waiting_input() const noexcept;
  bool idle() const noexcept;
  bool can_parse() const noexcept;
  bool has_work() const noexcept;
  void run_again();
  void mark_dirty();
  void set_read_deadline(MonotonicMs after_ms);
  void arm();

  // Constant after construction.
  HttpServer& server_;
  const ConnectionTicket ticket_;
  // Owned by the loop.
  net::Fd fd_;
  std::unique_ptr<net::TlsConnection> tls_;     // null: in the clear
  std::unique_ptr<ConnectionBuffers> buffers_;  // null at rest
  std::string_view unparsed_;                   // in process(): what lies behind the request in work
  MonotonicMs read_deadline_ = 0;               // 0: none
  MonotonicMs write_deadline_ = 0;
  MonotonicMs armed_for_ = 0;
  std::uint32_t lingered_bytes_ = 0;
  std::uint32_t requests_this_turn_ = 0;
  AnswerForm form_;
  Phase phase_ = Phase::kReading;
  bool readable_ = false;     // the kernel may have more for us
  bool hangup_seen_ = false;  // so a short read does not mean that nothing is left
  bool input_ended_ = false;
  bool processing_ = false;
  bool head_shown_ = false;  // on_head() was called for the request in work
  bool first_request_ = true;
  bool dirty_ = false;
  bool runs_again_ = false;
  bool watches_writable_ = false;
  bool abandoned_ = false;
};

}  // namespace pushwire::http
