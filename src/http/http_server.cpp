#include "http/http_server.h"

#include <utility>

namespace pushwire::http {
namespace {

constexpr std::size_t kKeptBytes = 64 * 1024;

void empty(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeptBytes) {
    buffer.shrink_to_fit();
  }
}

}  // namespace

HttpServer::HttpServer(net::EventLoop& loop, HttpHandler& handler, std::span<char> receive_buffer,
                       const HttpLimits& limits)
    : loop_(loop), handler_(handler), receive_buffer_(receive_buffer), limits_(limits) {}

HttpServer::~HttpServer() = default;

bool HttpServer::adopt(net::Fd fd) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t index = free_slots_.back();
  Slot& slot = slots_[index];
  std::unique_ptr<net::TlsConnection> tls = tls_ ? net::TlsConnection::make(tls_, fd.get()) : nullptr;
  if (tls_ && !tls) {
    return false;
  }
  auto connection =
      std::make_unique<HttpConnection>(*this, std::move(fd), std::move(tls), ConnectionTicket{index, slot.generation});
  if (!connection->start()) {
    return false;
  }
  slot.connection = std::move(connection);
  free_slots_.pop_back();
  ++open_;
  return true;
}

HttpConnection* HttpServer::find(ConnectionTicket ticket) noexcept {
  if (ticket.slot >= slots_.size() || slots_[ticket.slot].generation != ticket.generation) {
    return nullptr;
  }
  HttpConnection* connection = slots_[ticket.slot].connection.get();
  return connection == nullptr || connection->closed() ? nullptr : connection;
}

void HttpServer::flush() {
  while (!dirty_.empty()) {
    flushing_.swap(dirty_);
    for (const ConnectionTicket ticket : flushing_) {
      HttpConnection* connection = find(ticket);
      if (connection == nullptr) {
        continue;
      }
      connection->dirty_ = false;
      connection->flush();
      if (connection->has_work()) {
        connection->run_again();
      } else {
        connection->rest_if_idle();
      }
    }
    flushing_.clear();
  }
}

void HttpServer::destroy_closed() {
  for (const std::uint32_t index : closed_) {
    Slot& slot = slots_[index];
    give_back(slot.connection->release_buffers());
    slot.connection.reset();
    ++slot.generation;
    free_slots_.push_back(index);
  }
  closed_.clear();
}

void HttpServer::shutdown() {
  for (Slot& slot : slots_) {
    if (slot.connection) {
      slot.connection->close();
    }
  }
}

std::unique_ptr<ConnectionBuffers> HttpServer::take_buffers() {
  std::unique_ptr<ConnectionBuffers> buffers;
  if (spare_.empty()) {
    buffers = std::make_unique<ConnectionBuffers>();
  } else {
    buffers = std::move(spare_.back());
    spare_.pop_back();
  }
  buffers->parser.reset(limits_.parser);
  return buffers;
}

void HttpServer::give_back(std::unique_ptr<ConnectionBuffers> buffers) {
  if (!buffers || spare_.size() >= kMaxSpareBuffers) {
    return;
  }
  buffers->parser.reset(limits_.parser);
  empty(buffers->input);
  empty(buffers->output);
  buffers->parsed = 0;
  buffers->sent = 0;
  spare_.push_back(std::move(buffers));
}

void HttpServer::mark_closed(HttpConnection& connection) {
  --open_;
  closed_.push_back(connection.ticket().slot);
}

}  // namespace pushwire::http
