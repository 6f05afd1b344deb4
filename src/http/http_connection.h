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

#include "base/clock.h"
#include "http/request_parser.h"
#include "http/response.h"
#include "net/event_loop.h"
#include "net/fd.h"
#include "net/io_handler.h"
#include "net/timer_wheel.h"

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
  // A request was refused with this error by the connection itself (malformed, too large, too slow).
  virtual void on_refused(HttpConnection& connection, const RequestError& error);
  // The connection is gone; not called after take_over(). If connection.awaits_answer(), the answer has no reader.
  virtual void on_closed(HttpConnection& connection);

 protected:
  ~HttpHandler() = default;
};

// What take_over() gives away. Everything answered before has been handed to the kernel.
struct TakenOver {
  net::Fd fd;            // non-blocking, no longer registered with the loop
  std::string leftover;  // bytes received behind the request
};

// What a connection in work borrows from its server.
struct ConnectionBuffers {
  RequestParser parser;
  std::string input;   // received and not yet parsed; bounded by the shared receive buffer
  std::string output;  // answered and not yet with the kernel
  std::size_t sent = 0;
};

class HttpConnection final : public net::IoHandler, private net::Timer {
 public:
  HttpConnection(HttpServer& server, net::Fd fd, ConnectionTicket ticket);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Requires: awaits_answer().
  void respond(const Response& response);
  // Requires: awaits_answer(). The connection is dead after this.
  TakenOver take_over();
  // Ends it without another word; on_closed() is called.
  void close_now();

  bool awaits_answer() const noexcept { return phase_ == Phase::kAwaitingAnswer; }
  // The request that awaits its answer. Requires: awaits_answer().
  const Request& request() const noexcept { return buffers_->parser.request(); }
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
  void begin_drain();

  void on_timer(MonotonicMs now) override;
  void read_and_process();
  // One read into the shared buffer. False: nothing to be had now.
  bool read_once();
  void process(std::string_view bytes);
  std::size_t parse_one(std::string_view bytes);
  void on_head_done();
  void on_body_error(const RequestError& error);
  void dispatch();
  void refuse(const RequestError& error);
  void write_answer(const Response& response, AnswerForm form);
  void finish();
  void linger();
  void discard_input();
  void on_input_end();
  void after_write();
  void rest_if_idle();
  void close();
  bool output_full() const noexcept;
  std::size_t unsent() const noexcept;
  ConnectionBuffers& buffers();
  void mark_dirty();
  void set_read_deadline(MonotonicMs after_ms);
  void arm();

  HttpServer& server_;
  net::Fd fd_;
  const ConnectionTicket ticket_;
  std::unique_ptr<ConnectionBuffers> buffers_;  // null at rest
  std::string_view unparsed_;                   // while process() runs: what lies behind the request in work
  MonotonicMs read_deadline_ = 0;
  MonotonicMs write_deadline_ = 0;
  MonotonicMs armed_for_ = 0;
  std::uint32_t lingered_bytes_ = 0;
  std::uint32_t requests_this_turn_ = 0;
  Phase phase_ = Phase::kReading;
  AnswerForm form_;
  bool readable_ = false;   // the last read did not reach EAGAIN
  bool input_ended_ = false;
  bool processing_ = false;
  bool dirty_ = false;
  bool run_again_ = false;
  bool wants_writable_ = false;
  bool first_request_ = true;
};

}  // namespace pushwire::http
