#include "bench/http_client.h"

#include <sys/epoll.h>

#include <utility>

#include "bench/socket.h"

namespace pushwire::bench {

void HttpClient::send(PublishRequest request) {
  queue_.push_back(std::move(request));
  if (!in_flight_) {
    send_first();
  }
}

void HttpClient::send_first() {
  in_flight_ = true;
  unsent_ = queue_.front().text;
  if (fd_) {
    if (!write_some(fd_.get(), unsent_)) {
      fail_first("connection broken");
    }
    return;
  }
  Result<net::Fd> fd = start_connecting(address_, 0);
  if (!fd || !owner_.loop().add(fd->get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, *this)) {
    fail_first(fd ? "the kernel refuses to watch another descriptor" : fd.error().message);
    return;
  }
  fd_ = std::move(*fd);
}

// Takes the request off before its owner hears of it, since the owner may send the next one at once.
void HttpClient::fail_first(std::string_view why) {
  fd_.reset();
  partial_.clear();
  reader_ = {};
  in_flight_ = false;
  if (queue_.empty()) {
    return;
  }
  const PublishRequest failed = std::move(queue_.front());
  queue_.pop_front();
  owner_.on_answer(number_, failed, 0, why);
}

void HttpClient::on_io(std::uint32_t events) {
  if (!fd_) {
    return;
  }
  if ((events & EPOLLOUT) != 0 && (events & (EPOLLERR | EPOLLHUP)) == 0 && !write_some(fd_.get(), unsent_)) {
    fail_first("connection broken");
    return;
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    read();
  }
  if (!in_flight_ && !queue_.empty()) {
    send_first();
  }
}

void HttpClient::read() {
  while (fd_) {
    const std::optional<std::string_view> bytes = read_some(fd_.get());
    if (!bytes) {
      fail_first("closed by the server");
      return;
    }
    if (bytes->empty()) {
      return;
    }
    const std::string whole = std::exchange(partial_, {}).append(*bytes);
    std::string_view rest = whole;
    const Result<std::optional<int>> status = reader_.next(rest);
    if (!status) {
      fail_first(status.error().message);
      return;
    }
    partial_ = rest;
    if (*status && !queue_.empty()) {
      const PublishRequest answered = std::move(queue_.front());
      queue_.pop_front();
      in_flight_ = false;
      owner_.on_answer(number_, answered, **status, {});
    }
  }
}

}  // namespace pushwire::bench
