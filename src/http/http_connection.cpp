#include "http/http_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "http/http_server.h"

namespace pushwire::http {
namespace {

constexpr std::uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

std::optional<Response> HttpHandler::on_head(HttpConnection&, const Request&) {
  return std::nullopt;
}
void HttpHandler::on_refused(HttpConnection&, const RequestError&) {}
void HttpHandler::on_closed(HttpConnection&) {}

HttpConnection::HttpConnection(HttpServer& server, net::Fd fd, std::unique_ptr<net::TlsConnection> tls,
                               ConnectionTicket ticket)
    : server_(server), ticket_(ticket), fd_(std::move(fd)), tls_(std::move(tls)) {}

HttpConnection::~HttpConnection() {
  if (runs_again_) {
    server_.loop_.cancel_run_again(*this);
  }
}

bool HttpConnection::start() {
  set_read_deadline(server_.limits_.head_timeout_ms);
  return server_.loop_.add(fd_.get(), kReadEvents, *this);
}

void HttpConnection::on_io(std::uint32_t events) {
  if (events == 0) {
    runs_again_ = false;
  }
  if (closed()) {
    return;
  }
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    return close();  // nobody is left to read an answer
  }
  hangup_seen_ = hangup_seen_ || (events & EPOLLRDHUP) != 0;
  readable_ = readable_ || (events & kReadEvents) != 0;
  if ((events & EPOLLOUT) != 0) {
    flush();
  }
  advance();
}

// Does what can be done now: until the input is used up, an answer is awaited, the output is full or the share of
// this turn is spent.
void HttpConnection::advance() {
  requests_this_turn_ = 0;
  std::size_t received = 0;
  while (has_work()) {
    if (phase_ == Phase::kLingering) {
      return discard_input();
    }
    if (requests_this_turn_ >= server_.limits_.requests_per_turn || received >= server_.limits_.read_bytes_per_turn) {
      return run_again();
    }
    if (phase_ == Phase::kHeld) {
      dispatch();
    } else if (!waiting_input().empty()) {
      process(waiting_input());
    } else {
      received += read_once();
    }
  }
  rest_if_idle();
}

ssize_t HttpConnection::receive() {
  const std::span<char> room = server_.receive_buffer_;
  if (tls_ == nullptr) {
    return ::recv(fd_.get(), room.data(), room.size(), MSG_DONTWAIT);
  }
  const ssize_t got = tls_->receive(room);
  if (tls_->blocked()) {
    wait_for_room();  // for words of the protocol
  }
  return got;
}

std::size_t HttpConnection::read_once() {
  const std::span<char> room = server_.receive_buffer_;
  const ssize_t got = receive();
  if (got > 0) {
    const auto size = static_cast<std::size_t>(got);
    // A short read has emptied the socket, and what comes later is a new edge (epoll(7)); this saves a system call.
    // Not so with TLS, which reads one record at a time.
    readable_ = size == room.size() || hangup_seen_ || tls_ != nullptr;
    process({room.data(), size});
    return size;
  }
  if (got == 0) {
    on_input_end();
  } else if (errno == EAGAIN) {
    readable_ = false;
  } else if (errno != EINTR) {
    if (tls_ != nullptr && !tls_->established()) {
      server_.handler_.on_refused(*this, {0, "tls", "TLS could not be agreed on"});
    }
    close();
  }
  return 0;
}

// `bytes` are in the shared buffer, or they are what already waits in our own.
void HttpConnection::process(std::string_view bytes) {
  ConnectionBuffers& held = buffers();
  const bool own = !waiting_input().empty();
  processing_ = true;
  unparsed_ = bytes;
  while (!unparsed_.empty() && can_parse() && requests_this_turn_ < server_.limits_.requests_per_turn) {
    parse_once();
  }
  processing_ = false;
  if (own) {
    held.parsed = held.input.size() - unparsed_.size();
  } else {
    held.input.assign(unparsed_);
    held.parsed = 0;
  }
  unparsed_ = {};
}

void HttpConnection::parse_once() {
  const bool was_started = buffers_->parser.started();
  const FeedResult result = buffers_->parser.feed(unparsed_);
  unparsed_.remove_prefix(result.consumed);
  switch (result.state) {
    case ParseState::kNeedMore:
      if (!was_started && !first_request_) {
        set_read_deadline(server_.limits_.head_timeout_ms);  // the first head counts from accept instead
      }
      return;
    case ParseState::kHeadDone:
      return on_head_done();
    case ParseState::kComplete:
      return dispatch();
    case ParseState::kError:
      return on_parse_error(result.error);
  }
}

bool HttpConnection::refused_by_handler() {
  head_shown_ = true;
  const Request& request = buffers_->parser.request();
  const auto refusal = server_.handler_.on_head(*this, request);
  if (!refusal || closed()) {
    return closed();
  }
  // The body is not read, so nothing behind the head can be understood any more.
  write_answer(*refusal, {request.method == Method::kHead, false, request.version_minor});
  finish();
  return true;
}

void HttpConnection::on_head_done() {
  set_read_deadline(server_.limits_.body_timeout_ms);
  if (refused_by_handler()) {
    return;
  }
  if (buffers_->parser.request().expects_continue && unparsed_.empty()) {
    buffers_->output += kContinue;
    mark_dirty();
  }
}

void HttpConnection::on_parse_error(const RequestError& error) {
  if (buffers_->parser.has_head() && !head_shown_ && refused_by_handler()) {
    return;
  }
  refuse(error);
}

void HttpConnection::dispatch() {
  const Request& request = buffers_->parser.request();
  read_deadline_ = 0;
  if (request.upgrade && unsent() > 0) {
    phase_ = Phase::kHeld;  // take_over() gives away a socket on which nothing of ours is outstanding
    return mark_dirty();
  }
  ++requests_this_turn_;
  form_ = {request.method == Method::kHead, request.keep_alive, request.version_minor};
  phase_ = Phase::kAwaitingAnswer;
  server_.handler_.on_request(*this, request);
}

void HttpConnection::respond(const Response& response) {
  PW_CHECK(awaits_answer());
  write_answer(response, form_);
  if (response.close || !form_.keep_alive) {
    return finish();
  }
  buffers_->parser.reset(server_.limits_.parser);
  phase_ = Phase::kReading;
  first_request_ = false;
  head_shown_ = false;
  set_read_deadline(server_.limits_.idle_timeout_ms);  // what waits behind it goes on after the flush of this turn
}

TakenOver HttpConnection::take_over() {
  PW_CHECK(awaits_answer() && request().upgrade && unsent() == 0);
  server_.loop_.remove(fd_.get());
  TakenOver taken{std::move(fd_), std::move(tls_), std::string(processing_ ? unparsed_ : waiting_input())};
  unparsed_ = {};
  cancel();
  phase_ = Phase::kClosed;
  server_.mark_closed(*this);
  return taken;
}

void HttpConnection::close_now() {
  close();
}

// Answers for the handler: the request could not be read. Nothing behind it is looked at.
void HttpConnection::refuse(const RequestError& error) {
  server_.handler_.on_refused(*this, error);
  if (closed()) {
    return;
  }
  const RequestParser& parser = buffers().parser;
  const bool head = parser.has_head() && parser.request().method == Method::kHead;
  write_answer(json_error(error.status, error.code, error.message), {head, false, 1});
  finish();
}

void HttpConnection::write_answer(const Response& response, AnswerForm form) {
  ConnectionBuffers& held = buffers();
  if (held.sent > held.output.size() / 2) {
    held.output.erase(0, held.sent);
    held.sent = 0;
  }
  response.append_to(held.output, form, server_.date_.at(wall_ms()));
  mark_dirty();
}

void HttpConnection::finish() {
  phase_ = Phase::kFinishing;
  read_deadline_ = 0;
  unparsed_ = {};
  mark_dirty();
}

void HttpConnection::flush() {
  if (closed()) {
    return;
  }
  while (unsent() > 0) {
    const std::string_view rest = buffers_ ? std::string_view(buffers_->output).substr(buffers_->sent) : "";
    const ssize_t written = send(rest);
    if (written > 0) {
      buffers_->sent += static_cast<std::size_t>(written);
      write_deadline_ = 0;
      continue;
    }
    if (written == 0 || errno == EINTR) {
      continue;
    }
    if (errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM) {
      return close();
    }
    return wait_for_room();
  }
  write_deadline_ = 0;
  if (buffers_) {
    buffers_->output.clear();
    buffers_->sent = 0;
  }
  if (phase_ == Phase::kFinishing) {
    linger();
  }
}

// As send(2); 0 when there is nothing to send and what TLS had left over is gone.
ssize_t HttpConnection::send(std::string_view bytes) {
  if (tls_ == nullptr) {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  if (!tls_->flush()) {
    return -1;
  }
  if (tls_->blocked()) {
    errno = EAGAIN;
    return -1;
  }
  return bytes.empty() ? 0 : tls_->send(bytes);
}

void HttpConnection::wait_for_room() {
  if (!watches_writable_) {
    watches_writable_ = true;
    server_.loop_.modify(fd_.get(), kReadEvents | EPOLLOUT, *this);
  }
  if (write_deadline_ == 0) {
    write_deadline_ = server_.loop_.now() + server_.limits_.write_timeout_ms;
    arm();
  }
}

// Closing with unread input would send a reset, which can destroy the answer before the client has read it
// (RFC 9112 9.6): our side is shut first, and what still comes is thrown away for a moment.
void HttpConnection::linger() {
  if (tls_ != nullptr) {
    tls_->shutdown();
  }
  if (input_ended_ || ::shutdown(fd_.get(), SHUT_WR) != 0) {
    return close();
  }
  phase_ = Phase::kLingering;
  set_read_deadline(server_.limits_.linger_ms);
  server_.give_back(std::move(buffers_));
  discard_input();
}

void HttpConnection::discard_input() {
  const std::span<char> room = server_.receive_buffer_;
  while (lingered_bytes_ < server_.limits_.linger_bytes) {
    const ssize_t got = ::recv(fd_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (got > 0) {
      lingered_bytes_ += static_cast<std::uint32_t>(got);
    } else if (got < 0 && errno == EAGAIN) {
      readable_ = false;
      return;
    } else if (got == 0 || errno != EINTR) {
      break;
    }
  }
  close();
}

void HttpConnection::on_input_end() {
  input_ended_ = true;
  readable_ = false;
  if (unsent() == 0) {
    return close();  // also in the middle of a request: it will never be whole
  }
  finish();
}

void HttpConnection::on_timer(MonotonicMs now) {
  armed_for_ = 0;
  if (write_deadline_ != 0 && now >= write_deadline_) {
    return close();
  }
  if (read_deadline_ != 0 && now >= read_deadline_) {
    read_deadline_ = 0;
    return on_deadline();
  }
  arm();
}

void HttpConnection::on_deadline() {
  if (phase_ != Phase::kReading || (!first_request_ && idle())) {
    return close();
  }
  refuse({408, "request_timeout", "the request did not arrive in time"});
}

void HttpConnection::close() {
  if (closed()) {
    return;
  }
  abandoned_ = phase_ == Phase::kAwaitingAnswer;
  phase_ = Phase::kClosed;
  unparsed_ = {};
  cancel();
  server_.handler_.on_closed(*this);
  if (tls_ != nullptr) {
    tls_->shutdown();
    tls_.reset();
  }
  fd_.reset();
  server_.mark_closed(*this);
}

void HttpConnection::rest_if_idle() {
  if (buffers_ && phase_ == Phase::kReading && unsent() == 0 && idle()) {
    server_.give_back(std::move(buffers_));
  }
}

ConnectionBuffers& HttpConnection::buffers() {
  if (!buffers_) {
    buffers_ = server_.take_buffers();
  }
  return *buffers_;
}

std::size_t HttpConnection::unsent() const noexcept {
  const std::size_t waiting =
      tls_ != nullptr && tls_->blocked() ? 1 : 0;  // encrypted already: how much does not matter
  return waiting + (buffers_ ? buffers_->output.size() - buffers_->sent : 0);
}

std::string_view HttpConnection::waiting_input() const noexcept {
  return buffers_ ? std::string_view(buffers_->input).substr(buffers_->parsed) : std::string_view{};
}

// Between two requests: no byte of the next one is here.
bool HttpConnection::idle() const noexcept {
  return !buffers_ || (waiting_input().empty() && !buffers_->parser.started());
}

bool HttpConnection::can_parse() const noexcept {
  return phase_ == Phase::kReading && unsent() <= server_.limits_.output_bytes;
}

bool HttpConnection::has_work() const noexcept {
  switch (phase_) {
    case Phase::kReading:
      return can_parse() && (readable_ || !waiting_input().empty());
    case Phase::kHeld:
      return unsent() == 0;
    case Phase::kLingering:
      return readable_;
    default:
      return false;
  }
}

void HttpConnection::run_again() {
  if (!runs_again_) {
    runs_again_ = true;
    server_.loop_.run_again(*this);
  }
}

void HttpConnection::mark_dirty() {
  if (!dirty_) {
    dirty_ = true;
    server_.dirty_.push_back(ticket_);
  }
}

void HttpConnection::set_read_deadline(MonotonicMs after_ms) {
  read_deadline_ = server_.loop_.now() + after_ms;
  arm();
}

// The timer is moved only to an earlier time; one that fires too early looks at the deadlines and is armed anew.
void HttpConnection::arm() {
  MonotonicMs earliest = read_deadline_;
  if (write_deadline_ != 0 && (earliest == 0 || write_deadline_ < earliest)) {
    earliest = write_deadline_;
  }
  if (earliest == 0 || (armed_for_ != 0 && armed_for_ <= earliest)) {
    return;
  }
  armed_for_ = earliest;
  server_.loop_.timers().arm(*this, earliest);
}

}  // namespace pushwire::http
