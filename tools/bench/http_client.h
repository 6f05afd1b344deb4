// HttpClient: one keep-alive connection that publishes, one request at a time; the others wait in a queue. Waiting
// counts: a request's latency runs from when it was due. Thread: the client process's only one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "bench/wire.h"
#include "net/address.h"
#include "net/event_loop.h"
#include "net/fd.h"
#include "net/io_handler.h"

namespace pushwire::bench {

struct PublishRequest {
  std::string text;  // the whole HTTP request
  std::int64_t due_ns = 0;
  std::uint32_t user = 0;
  std::uint32_t number = 0;
  bool to_all = false;
};

class HttpClientOwner {
 public:
  virtual net::EventLoop& loop() = 0;
  // `status` 0: the connection broke, nobody knows what became of the request.
  virtual void on_answer(std::size_t client, const PublishRequest& request, int status, std::string_view why) = 0;

 protected:
  ~HttpClientOwner() = default;
};

class HttpClient final : public net::IoHandler {
 public:
  HttpClient(HttpClientOwner& owner, std::size_t number, const net::Address& address)
      : owner_(owner), number_(number), address_(address) {}

  void send(PublishRequest request);
  // Requests that were not answered.
  std::size_t open() const noexcept { return queue_.size(); }

  void on_io(std::uint32_t events) override;

 private:
  void send_first();
  void read();
  void fail_first(std::string_view why);

  HttpClientOwner& owner_;
  const std::size_t number_;
  const net::Address address_;
  net::Fd fd_;
  std::deque<PublishRequest> queue_;  // the first one is on its way when in_flight_
  bool in_flight_ = false;
  AnswerReader reader_;
  std::string partial_;
  std::string unsent_;
};

}  // namespace pushwire::bench
