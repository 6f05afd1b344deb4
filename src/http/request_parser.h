// RequestParser: bytes in, requests out (RFC 9112), sans-I/O, around Boost.Beast's parser.
//
// Stricter than Beast wherever two readers of the same bytes could disagree (request smuggling): one Host, one
// Content-Length or one "Transfer-Encoding: chunked" and never both, no folded lines, no bare CR or LF, no control
// characters. Every limit is checked before the bytes behind it are kept.
// Thread: the worker's. Lifetime: request() stays valid until reset().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/request.h"

namespace pushwire::http {

struct ParserLimits {
  std::size_t head_bytes = 16 * 1024;    // request line and headers: 431
  std::size_t target_bytes = 8 * 1024;   // 431
  std::size_t headers = 100;             // 431
  std::size_t body_bytes = 1024 * 1024;  // 413
  std::size_t chunk_line_bytes = 256;    // size and extensions of one chunk: 400
  std::size_t trailer_bytes = 4 * 1024;  // trailers are read and dropped: 431
};

// Why a request is refused, in the words of the answer. The texts are literals.
struct RequestError {
  int status = 400;
  std::string_view code;
  std::string_view message;
};

enum class ParseState : std::uint8_t {
  kNeedMore,
  kHeadDone,  // once per request with a body: the head is in request(), the body has not been looked at
  kComplete,
  kError,
};

struct FeedResult {
  std::size_t consumed = 0;
  ParseState state = ParseState::kNeedMore;
  RequestError error;  // with kError
};

class RequestParser {
 public:
  explicit RequestParser(const ParserLimits& limits = {});
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  // Takes what belongs to this request; what follows it is not consumed. Requires: not complete (reset() first).
  // After an error every further call gives the same error and consumes nothing.
  FeedResult feed(std::string_view bytes);

  // True from kHeadDone or kComplete on, and with an error that concerns only the body (413).
  bool has_head() const noexcept;
  // Requires: has_head().
  const Request& request() const noexcept;
  // True once a byte of this request was consumed.
  bool started() const noexcept;
  // Ready for the next request; buffers that grew large are given back.
  void reset(const ParserLimits& limits);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pushwire::http
