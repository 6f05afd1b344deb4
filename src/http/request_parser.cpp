#include "http/request_parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "http/line_scanner.h"
#include "http/request_rules.h"

namespace pushwire::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;
using Event = LineScanner::Event;

constexpr std::size_t kMaxExtensionBytes = 4096;  // of all chunks of a body together
constexpr std::size_t kKeptHeadBytes = 4 * 1024;
constexpr std::size_t kKeptBodyBytes = 64 * 1024;

std::string_view to_view(beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

RequestError bad(std::string_view message) {
  return {400, "bad_request", message};
}
RequestError head_too_large() {
  return {431, "head_too_large", "the request line and headers are too large"};
}
RequestError body_too_large() {
  return {413, "body_too_large", "the body is too large"};
}

// Where Beast's parser puts what it finds.
struct Parts {
  Request request;
  std::vector<Header> headers;
  std::string body;
  std::uint64_t chunk_left = 0;
  std::size_t extension_bytes = 0;
  bool head_done = false;
};

class BeastParser final : public beast::http::basic_parser<true> {
 public:
  BeastParser(Parts& parts, const ParserLimits& limits) : parts_(parts) {
    header_limit(static_cast<std::uint32_t>(limits.head_bytes + limits.trailer_bytes));
    body_limit(limits.body_bytes);
  }

 private:
  using Field = beast::http::field;
  using Text = beast::string_view;

  void on_request_impl(beast::http::verb, Text method, Text target, int version, error_code&) override {
    parts_.request.method_text = to_view(method);
    parts_.request.method = method_of(to_view(method));
    parts_.request.target = to_view(target);
    parts_.request.version_minor = static_cast<std::uint8_t>(version % 10);
  }
  void on_response_impl(int, Text, int, error_code&) override {}
  void on_field_impl(Field, Text name, Text value, error_code&) override {
    if (!parts_.head_done) {  // trailers are dropped (RFC 9110 6.5.1)
      parts_.headers.push_back({to_view(name), to_view(value)});
    }
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(Text bytes, error_code&) override {
    parts_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t size, Text extensions, error_code& error) override {
    parts_.chunk_left = size;
    parts_.extension_bytes += extensions.size();
    if (parts_.extension_bytes > kMaxExtensionBytes) {
      error = beast::http::error::bad_chunk_extension;
    }
  }
  std::size_t on_chunk_body_impl(std::uint64_t, Text bytes, error_code&) override {
    parts_.body.append(bytes.data(), bytes.size());
    parts_.chunk_left -= bytes.size();
    return bytes.size();
  }
  void on_finish_impl(error_code&) override {}

  Parts& parts_;
};

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// True when the request line ends in a well-formed version that is just not ours: 505 instead of 400.
bool names_other_version(std::string_view head) noexcept {
  const std::string_view line = head.substr(0, head.find('\r'));
  const std::string_view word = line.substr(line.rfind(' ') + 1);
  return word.size() == 8 && word.starts_with("HTTP/") && is_digit(word[5]) && word[6] == '.' && is_digit(word[7]) &&
         word != "HTTP/1.1" && word != "HTTP/1.0";
}

RequestError explain(const error_code& code, std::string_view head) {
  using beast::http::error;
  if (code == error::body_limit) {
    return body_too_large();
  }
  if (code == error::header_limit) {
    return head_too_large();
  }
  if (code == error::bad_version && names_other_version(head)) {
    return {505, "version_not_supported", "the HTTP version must be 1.1 or 1.0"};
  }
  if (code == error::bad_method || code == error::bad_target || code == error::bad_version) {
    return bad("the request line is malformed");
  }
  if (code == error::bad_chunk || code == error::bad_chunk_extension) {
    return bad("the chunked body is malformed");
  }
  if (code == error::bad_content_length || code == error::multiple_content_length ||
      code == error::bad_transfer_encoding) {
    return bad("the length of the body is malformed or given twice");
  }
  return bad("a header is malformed");
}

enum class ChunkLine : std::uint8_t { kBad, kData, kLast };

// The size line of a chunk, perhaps behind the line end of the chunk before, as far as it decides what must be
// collected before Beast sees it.
ChunkLine classify(std::string_view line) noexcept {
  if (line.starts_with("\r\n")) {
    line.remove_prefix(2);
  }
  const std::size_t end = line.find_first_not_of("0123456789abcdefABCDEF");
  if (end == 0 || end == line.npos || std::string_view("\r; \t").find(line[end]) == std::string_view::npos) {
    return ChunkLine::kBad;
  }
  return line.substr(0, end).find_first_not_of('0') == line.npos ? ChunkLine::kLast : ChunkLine::kData;
}

}  // namespace

struct RequestParser::Impl {
  enum class Phase : std::uint8_t { kHead, kSizedBody, kChunkLine, kChunkData, kTrailers, kComplete, kFailed };

  ParserLimits limits;
  Parts parts;
  std::optional<BeastParser> beast;
  LineScanner scanner;
  std::string head;
  std::string carry;  // a chunk's size line or the trailers, until whole: Beast wants them in one piece
  std::size_t lines = 0;
  Phase phase = Phase::kHead;
  bool skipped_empty_line = false;
  bool after_chunk = false;  // the line end behind a chunk's data is still to come
  bool has_head = false;
  RequestError error;

  void reset(const ParserLimits& new_limits);
  FeedResult feed(std::string_view bytes);
  std::size_t step(std::string_view bytes);
  std::size_t feed_head(std::string_view bytes);
  std::size_t feed_chunk_line(std::string_view bytes);
  std::size_t feed_trailers(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes);
  void on_head_line(Event event);
  void on_chunk_line(Event event);
  void finish_head();
  void put_carry();
  void end_if_done();
  void fail(const RequestError& why) {
    error = why;
    phase = Phase::kFailed;
  }
};

void RequestParser::Impl::reset(const ParserLimits& new_limits) {
  limits = new_limits;
  parts.request = {};
  parts.headers.clear();
  parts.body.clear();
  parts.chunk_left = 0;
  parts.extension_bytes = 0;
  parts.head_done = false;
  head.clear();
  carry.clear();
  if (head.capacity() > kKeptHeadBytes) {
    head.shrink_to_fit();
  }
  if (parts.body.capacity() > kKeptBodyBytes) {
    parts.body.shrink_to_fit();
  }
  beast.emplace(parts, limits);
  scanner.reset();
  lines = 0;
  phase = Phase::kHead;
  skipped_empty_line = after_chunk = has_head = false;
  error = {};
}

FeedResult RequestParser::Impl::feed(std::string_view bytes) {
  PW_CHECK(phase != Phase::kComplete);
  std::size_t consumed = 0;
  while (phase != Phase::kFailed) {
    const bool in_head = phase == Phase::kHead;
    consumed += step(bytes.substr(consumed));
    if (phase == Phase::kComplete) {
      return {consumed, ParseState::kComplete, {}};
    }
    if (in_head && has_head && phase != Phase::kFailed) {
      return {consumed, ParseState::kHeadDone, {}};
    }
    if (consumed == bytes.size() && phase != Phase::kFailed) {
      return {consumed, ParseState::kNeedMore, {}};
    }
  }
  return {consumed, ParseState::kError, error};
}

std::size_t RequestParser::Impl::step(std::string_view bytes) {
  switch (phase) {
    case Phase::kHead:
      return feed_head(bytes);
    case Phase::kChunkLine:
      return feed_chunk_line(bytes);
    case Phase::kTrailers:
      return feed_trailers(bytes);
    case Phase::kSizedBody:
    case Phase::kChunkData:
      return feed_body(bytes);
    case Phase::kComplete:
    case Phase::kFailed:
      break;
  }
  return 0;
}

std::size_t RequestParser::Impl::feed_head(std::string_view bytes) {
  const LineScanner::Step step = scanner.next(bytes.substr(0, limits.head_bytes - head.size()));
  head.append(bytes.substr(0, step.consumed));
  on_head_line(step.event);
  if (phase == Phase::kHead && !has_head && head.size() >= limits.head_bytes) {
    fail(head_too_large());
  }
  return step.consumed;
}

void RequestParser::Impl::on_head_line(Event event) {
  switch (event) {
    case Event::kNeedMore:
      return;
    case Event::kBad:
      return fail(bad("the head has a control character, a bare CR or LF, or a folded line"));
    case Event::kLine:
      if (++lines > limits.headers + 1) {
        fail(head_too_large());
      }
      return;
    case Event::kEmptyLine:
      if (lines > 0) {
        return finish_head();
      }
      if (skipped_empty_line) {
        return fail(bad("the request line is missing"));
      }
      skipped_empty_line = true;  // RFC 9112 2.2: one may come before the request line
      head.clear();
      return;
  }
}

void RequestParser::Impl::finish_head() {
  error_code code;
  beast->put(boost::asio::const_buffer(head.data(), head.size()), code);
  const bool too_large = code == beast::http::error::body_limit;
  if (code && !too_large) {
    return fail(explain(code, head));
  }
  parts.request.headers = parts.headers;
  if (const auto refused = apply_request_rules(parts.request, limits)) {
    return fail(*refused);
  }
  parts.head_done = true;
  has_head = true;
  if (too_large) {
    return fail(body_too_large());
  }
  parts.request.keep_alive = beast->keep_alive();
  if (beast->is_done()) {
    phase = Phase::kComplete;
  } else {
    phase = beast->chunked() ? Phase::kChunkLine : Phase::kSizedBody;
  }
}

std::size_t RequestParser::Impl::feed_chunk_line(std::string_view bytes) {
  const LineScanner::Step step = scanner.next(bytes.substr(0, limits.chunk_line_bytes - carry.size()));
  carry.append(bytes.substr(0, step.consumed));
  if (step.event == Event::kNeedMore) {
    if (carry.size() >= limits.chunk_line_bytes) {
      fail(bad("the size line of a chunk is too long"));
    }
  } else {
    on_chunk_line(step.event);
  }
  return step.consumed;
}

void RequestParser::Impl::on_chunk_line(Event event) {
  if (after_chunk && event == Event::kEmptyLine) {
    after_chunk = false;  // stays in `carry`: Beast reads it together with the size line
    return;
  }
  const ChunkLine kind = event == Event::kLine && !after_chunk ? classify(carry) : ChunkLine::kBad;
  if (kind == ChunkLine::kBad) {
    return fail(bad("the chunked body is malformed"));
  }
  if (kind == ChunkLine::kLast) {
    lines = 0;
    phase = Phase::kTrailers;
    return;
  }
  put_carry();
  if (phase != Phase::kFailed) {
    phase = Phase::kChunkData;
  }
}

std::size_t RequestParser::Impl::feed_trailers(std::string_view bytes) {
  const std::size_t limit = limits.chunk_line_bytes + limits.trailer_bytes;
  const LineScanner::Step step = scanner.next(bytes.substr(0, limit - carry.size()));
  carry.append(bytes.substr(0, step.consumed));
  if (step.event == Event::kBad) {
    fail(bad("the trailers have a control character, a bare CR or LF, or a folded line"));
  } else if (step.event == Event::kEmptyLine) {
    put_carry();
    end_if_done();
  } else if (carry.size() >= limit || (step.event == Event::kLine && ++lines > limits.headers)) {
    fail({431, "head_too_large", "the trailers are too large"});
  }
  return step.consumed;
}

void RequestParser::Impl::put_carry() {
  error_code code;
  beast->put(boost::asio::const_buffer(carry.data(), carry.size()), code);
  carry.clear();
  if (code) {
    fail(explain(code, head));
  }
}

std::size_t RequestParser::Impl::feed_body(std::string_view bytes) {
  if (bytes.empty()) {
    return 0;
  }
  error_code code;
  const std::size_t consumed = beast->put(boost::asio::const_buffer(bytes.data(), bytes.size()), code);
  PW_CHECK(!code);  // sizes were judged before; there is nothing in the bytes of a body to object to
  if (phase == Phase::kChunkData && parts.chunk_left == 0) {
    after_chunk = true;
    phase = Phase::kChunkLine;
  }
  end_if_done();
  return consumed;
}

void RequestParser::Impl::end_if_done() {
  if (phase != Phase::kFailed && beast->is_done()) {
    parts.request.body = parts.body;
    phase = Phase::kComplete;
  }
}

RequestParser::RequestParser(const ParserLimits& limits) : impl_(std::make_unique<Impl>()) {
  impl_->reset(limits);
}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

FeedResult RequestParser::feed(std::string_view bytes) {
  return impl_->feed(bytes);
}
bool RequestParser::has_head() const noexcept {
  return impl_->has_head;
}
const Request& RequestParser::request() const noexcept {
  PW_CHECK(impl_->has_head);
  return impl_->parts.request;
}
bool RequestParser::started() const noexcept {
  return !impl_->head.empty();
}
void RequestParser::reset(const ParserLimits& limits) {
  impl_->reset(limits);
}

}  // namespace pushwire::http
