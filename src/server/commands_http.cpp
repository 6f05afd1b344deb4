#include "server/commands_http.h"

#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
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

// The steps resolve, connect, agree on TLS, write, read; each starts the next. Lives on post()'s stack until the
// context has run.
class Exchange {
 public:
  Exchange(asio::io_context& context, const HttpPost& post)
      : resolver_(context), tls_(asio::ssl::context::tls_client), socket_(context, tls_), post_(post) {
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
    asio::async_connect(socket_.next_layer(), found, [this](error_code fault, const tcp::endpoint&) {
      if (!failed("reach", fault)) {
        post_.tls ? agree() : write(socket_.next_layer());
      }
    });
  }

  void agree() {
    socket_.set_verify_mode(asio::ssl::verify_peer);
    socket_.set_verify_callback(asio::ssl::host_name_verification(post_.host));
    error_code fault;
    if (post_.authorities.empty()) {
      tls_.set_default_verify_paths(fault);
    } else {
      tls_.load_verify_file(post_.authorities, fault);
    }
    if (fault) {
      outcome_ = fail(fmt::format("cannot read authorities from {}: {}", post_.authorities, fault.message()));
      return;
    }
    std::string name = post_.host;
    ::SSL_ctrl(socket_.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    socket_.async_handshake(asio::ssl::stream_base::client, [this](error_code refused) {
      if (!failed("agree on TLS with", refused)) {
        write(socket_);
      }
    });
  }

  template <class Stream>
  void write(Stream& stream) {
    // A server that refuses early answers and stops reading: what it said matters more than the failed write.
    http::async_write(stream, request_, [this, &stream](error_code, std::size_t) { read(stream); });
  }

  template <class Stream>
  void read(Stream& stream) {
    http::async_read(stream, buffer_, parser_, [this](error_code fault, std::size_t) {
      if (!failed("get an answer from", fault)) {
        const auto& answer = parser_.get();
        outcome_ = HttpAnswer{answer.result_int(), std::string(answer.reason()), answer.body()};
      }
    });
  }

  tcp::resolver resolver_;
  asio::ssl::context tls_;
  asio::ssl::stream<tcp::socket> socket_;  // its next layer alone, in the clear
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
