// For tests and the fuzz target: runs a RequestParser over bytes in pieces and keeps what came out as plain values, so
// that the same bytes in other pieces can be compared. Functions; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "http/request_parser.h"

namespace pushwire::http::testing {

// Of the first request in the bytes.
struct Parsed {
  ParseState state = ParseState::kNeedMore;
  std::size_t consumed = 0;
  int status = 0;  // of the error
  std::string code;
  std::string text;  // request line, headers and body, one after the other
  std::size_t head_dones = 0;

  bool operator==(const Parsed&) const = default;
};

inline std::string text_of(const Request& request) {
  std::string text;
  for (const std::string_view part : {request.method_text, request.target, request.path, request.query, request.host}) {
    text.append(part).append("|");
  }
  text += request.keep_alive ? "keep" : "close";
  text += request.upgrade ? "+upgrade" : "";
  text += request.expects_continue ? "+expect" : "";
  text += request.has_body ? "+body" : "";
  for (const Header& header : request.headers) {
    text.append("\n").append(header.name).append(": ").append(header.value);
  }
  return text.append("\n\n").append(request.body);
}

// Feeds `first` bytes, then pieces of `step` bytes.
inline Parsed parse_in_pieces(std::string_view bytes, std::size_t first, std::size_t step,
                              const ParserLimits& limits = {}) {
  RequestParser parser(limits);
  Parsed parsed;
  std::size_t end = std::min(first, bytes.size());
  while (true) {
    const FeedResult result = parser.feed(bytes.substr(parsed.consumed, end - parsed.consumed));
    parsed.consumed += result.consumed;
    parsed.state = result.state;
    if (result.state == ParseState::kHeadDone) {
      ++parsed.head_dones;
      continue;
    }
    if (result.state == ParseState::kError) {
      parsed.status = result.error.status;
      parsed.code = std::string(result.error.code);
    }
    if (result.state != ParseState::kNeedMore || end == bytes.size()) {
      break;
    }
    end = std::min(end + step, bytes.size());
  }
  if (parser.has_head()) {
    parsed.text = text_of(parser.request());
  }
  return parsed;
}

inline Parsed parse_whole(std::string_view bytes, const ParserLimits& limits = {}) {
  return parse_in_pieces(bytes, bytes.size(), 1, limits);
}

}  // namespace pushwire::http::testing
