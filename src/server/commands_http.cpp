#include "server/commands_http.h"

#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <exception>
#include <optional>
#include <string_view>

namespace pushwire::server {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 20;

std::string authority(const HttpPost& post) {
  const bool ipv6 = post.host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", post.host, post.port) : fmt::format("{}:{}", post.host, post.port);
}

// The steps resolve, connect, write, read; each starts the next. Lives on post()'s stack until the context has run.
class Exchange {
 public:
  Exchange(asio::io_context& context, const HttpPost& post) : resolver_(context), socket_(context), post_(post) {
    request_.method(http::verb::post);
    request_.target(post.path);
    request_.set(http::field::host, authority(post));
    request_.set(http::field::user_agent, "pushwire");
    request_.set(http::field::content_type, "application/json");
    request_.set(http::field::connection, "close");
    if (!post.api_key.empty()) {
      request_.set(http::field::authorization, "Bearer " + post.api_key);
    }
    request_.body() = post.json;
    request_.prepare_payload();
    parser_.body_limit(kMaxAnswerBytes);
  }

  void start() {
    resolver_.async_resolve(post_.host, post_.port, [this](error_code fault, const tcp::resolver::results_type& found) {
      if (!failed("find", fault)) {
        connect(found);
      }
    });
  }

  // Empty while the exchange has not come to its end.
  [[nodiscard]] std::optional<Result<HttpAnswer>> take() { return std::move(outcome_); }

 private:
  bool failed(std::string_view step, error_code fault) {
    if (fault) {
      outcome_ = fail(fmt::format("cannot {} {}: {}", step, authority(post_), fault.message()));
    }
    return static_cast<bool>(fault);
  }

  void connect(const tcp::resolver::results_type& found) {
    asio::async_connect(socket_, found, [this](error_code fault, const tcp::endpoint&) {
      if (!failed("reach", fault)) {
        write();
      }
    });
  }

  void write() {
    // A server that refuses early answers and stops reading: what it said matters more than the failed write.
    http::async_write(socket_, request_, [this](error_code, std::size_t) { read(); });
  }

  void read() {
    http::async_read(socket_, buffer_, parser_, [this](error_code fault, std::size_t) {
      if (!failed("get an answer from", fault)) {
        const auto& answer = parser_.get();
        outcome_ = HttpAnswer{answer.result_int(), std::string(answer.reason()), answer.body()};
      }
    });
  }

  tcp::resolver resolver_;
  tcp::socket socket_;
  const HttpPost& post_;
  http::request<http::string_body> request_;
  boost::beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
  std::optional<Result<HttpAnswer>> outcome_;
};

}  // namespace

Result<HttpAnswer> post(const HttpPost& request, std::chrono::milliseconds timeout) {
  try {
    asio::io_context context(1);
    Exchange exchange(context, request);
    exchange.start();
    context.run_for(timeout);
    auto outcome = exchange.take();
    return outcome ? *std::move(outcome)
                   : fail(fmt::format("no answer from {} within {} ms", authority(request), timeout.count()));
  } catch (const std::exception& error) {
    return fail(fmt::format("cannot ask {}: {}", authority(request), error.what()));
  }
}

}  // namespace pushwire::server
