// Fuzzes the HTTP path: the same bytes whole, cut once and in small pieces must give the same requests or the same
// refusal; what was accepted must be free of smuggling shapes; its path and query go through routes and decoding.
// libFuzzer entry; one thread.
//
// Input: byte 0 where the stream is cut, byte 1 the size of the pieces and which limits; the rest is the stream.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "http/query.h"
#include "http/route_table.h"
#include "http/testing_parse.h"

namespace {

using pushwire::http::Header;
using pushwire::http::Method;
using pushwire::http::ParserLimits;
using pushwire::http::ParseState;
using pushwire::http::Query;
using pushwire::http::Request;
using pushwire::http::RequestParser;
using pushwire::http::Route;
using pushwire::http::RouteMatch;
using pushwire::http::RouteOutcome;
using pushwire::http::RouteTable;
using pushwire::http::testing::parse_in_pieces;
using pushwire::http::testing::parse_whole;
using pushwire::http::testing::Parsed;

constexpr std::size_t kParameters = 2;
constexpr std::size_t kMaxRequests = 8;

constexpr Route kRoutes[] = {
    {Method::kGet, "/ws"},
    {Method::kPost, "/v1/push"},
    {Method::kGet, "/v1/users/{id}"},
    {Method::kDelete, "/v1/users/{id}/sessions/{session}"},
};
constexpr RouteTable kTable{kRoutes};

ParserLimits limits_of(unsigned choice) {
  ParserLimits limits;
  if ((choice & 1) != 0) {
    limits.head_bytes = 256;
    limits.target_bytes = 64;
    limits.headers = 6;
  }
  if ((choice & 2) != 0) {
    limits.body_bytes = 32;
    limits.chunk_line_bytes = 24;
    limits.trailer_bytes = 48;
  }
  return limits;
}

bool is_clean(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
      return false;
    }
  }
  return true;
}

void check_accepted(const Request& request, const ParserLimits& limits) {
  const std::size_t lengths = request.count("content-length");
  const std::size_t codings = request.count("transfer-encoding");
  PW_CHECK(lengths + codings <= 1);
  PW_CHECK(request.count("host") == 1 || (request.count("host") == 0 && request.version_minor == 0));
  PW_CHECK(request.path.starts_with('/') && is_clean(request.target));
  PW_CHECK(request.target.size() <= limits.target_bytes && request.headers.size() <= limits.headers);
  PW_CHECK(request.body.size() <= limits.body_bytes && (request.body.empty() || request.has_body));
  for (const Header& header : request.headers) {
    PW_CHECK(!header.name.empty() && is_clean(header.name) && is_clean(header.value));
    PW_CHECK(header.name.find_first_of(" \t:") == header.name.npos);
  }
}

void check_routes(const Request& request) {
  const RouteMatch match = kTable.match(request.method, request.path);
  PW_CHECK((match.outcome == RouteOutcome::kNotFound) == match.pattern.empty());
  PW_CHECK((match.outcome == RouteOutcome::kMethodNotAllowed) == !match.allow.empty());
  if (match.outcome == RouteOutcome::kFound) {
    for (const RouteMatch::Parameter& parameter : match.parameters) {
      PW_CHECK(pushwire::is_valid_utf8(parameter.value) && parameter.value.find('\0') == std::string::npos);
    }
  }
  if (const auto query = Query::parse(request.query)) {
    for (const auto& item : query->items()) {
      PW_CHECK(pushwire::is_valid_utf8(item.key) && pushwire::is_valid_utf8(item.value));
      PW_CHECK(query->count(item.key) > 0);
    }
  }
}

// The requests of a pipelined stream, one parser used again and again.
void check_stream(std::string_view stream, const ParserLimits& limits) {
  RequestParser parser(limits);
  for (std::size_t i = 0; i < kMaxRequests; ++i) {
    const Parsed fresh = parse_whole(stream, limits);
    std::size_t consumed = 0;
    ParseState state = ParseState::kHeadDone;
    while (state == ParseState::kHeadDone) {
      const auto result = parser.feed(stream.substr(consumed));
      consumed += result.consumed;
      state = result.state;
    }
    PW_CHECK(state == fresh.state && consumed == fresh.consumed);
    if (state != ParseState::kComplete) {
      return;
    }
    PW_CHECK(pushwire::http::testing::text_of(parser.request()) == fresh.text);
    check_accepted(parser.request(), limits);
    check_routes(parser.request());
    stream.remove_prefix(consumed);
    parser.reset(limits);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kParameters) {
    return 0;
  }
  const std::string_view stream(reinterpret_cast<const char*>(data) + kParameters, size - kParameters);
  const ParserLimits limits = limits_of(data[1] >> 6);
  const Parsed whole = parse_whole(stream, limits);
  const std::size_t cut = stream.empty() ? 0 : data[0] * stream.size() / 256;
  PW_CHECK(parse_in_pieces(stream, cut, stream.size() + 1, limits) == whole);
  PW_CHECK(parse_in_pieces(stream, 0, 1 + (data[1] & 0x3fU), limits) == whole);
  check_stream(stream, limits);
  return 0;
}
