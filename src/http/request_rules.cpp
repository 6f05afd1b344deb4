#include "http/request_rules.h"

#include <algorithm>
#include <array>

namespace pushwire::http {
namespace {

using Verdict = std::optional<RequestError>;

Verdict bad(std::string_view message) {
  return RequestError{400, "bad_request", message};
}

// host [":" port] of RFC 3986 3.2.2, loosely: the characters that it can have. No user information.
bool is_authority(std::string_view text) noexcept {
  constexpr std::string_view kOthers = "-._~!$&'()*+,;=%:[]";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != kOthers.npos;
  });
}

// The part behind "scheme://" of an absolute target; nothing when it is none of ours.
std::optional<std::string_view> after_scheme(std::string_view target) noexcept {
  constexpr std::array<std::string_view, 4> kSchemes = {"http", "https", "ws", "wss"};
  const std::size_t end = target.find("://");
  if (end == target.npos || std::none_of(kSchemes.begin(), kSchemes.end(), [&](std::string_view scheme) {
        return equals_ignoring_case(target.substr(0, end), scheme);
      })) {
    return std::nullopt;
  }
  return target.substr(end + 3);
}

void split_path(Request& request, std::string_view path_and_query) noexcept {
  const std::size_t mark = path_and_query.find('?');
  request.path = path_and_query.substr(0, mark);
  request.query = mark == path_and_query.npos ? std::string_view{} : path_and_query.substr(mark + 1);
}

// RFC 9112 3.2: origin form, or absolute form, whose authority then counts instead of Host.
Verdict apply_target(Request& request, const ParserLimits& limits) {
  if (request.target.size() > limits.target_bytes) {
    return RequestError{431, "head_too_large", "the request target is too long"};
  }
  if (request.method == Method::kConnect || request.target.find('#') != request.target.npos) {
    return bad("the request target must be a path");
  }
  if (request.target.front() == '/') {
    split_path(request, request.target);
    return std::nullopt;
  }
  const auto rest = after_scheme(request.target);
  if (!rest) {
    return bad("the request target must be a path");
  }
  const std::size_t authority_end = std::min(rest->find_first_of("/?"), rest->size());
  if (!is_authority(rest->substr(0, authority_end))) {
    return bad("the request target has no valid host");
  }
  request.host = rest->substr(0, authority_end);
  split_path(request, rest->substr(authority_end));
  if (request.path.empty()) {
    request.path = "/";
  }
  return std::nullopt;
}

Verdict apply_host(Request& request) {
  const std::size_t hosts = request.count("Host");
  if (hosts > 1 || (hosts == 0 && request.version_minor == 1)) {
    return bad("exactly one Host header is needed");
  }
  if (hosts == 0) {
    return std::nullopt;
  }
  const std::string_view host = *request.header("Host");
  if (!is_authority(host)) {
    return bad("the Host header is not valid");
  }
  if (request.host.empty()) {
    request.host = host;
  }
  return std::nullopt;
}

Verdict apply_framing(Request& request) {
  const std::size_t codings = request.count("Transfer-Encoding");
  const std::size_t lengths = request.count("Content-Length");
  if (codings > 0 && lengths > 0) {
    return bad("Transfer-Encoding and Content-Length exclude each other");
  }
  if (lengths > 1 || codings > 1) {
    return bad("the length of the body is given twice");
  }
  if (lengths == 1) {
    const std::string_view length = *request.header("Content-Length");
    if (length.empty() || length.find_first_not_of("0123456789") != length.npos) {
      return bad("Content-Length must be a number");
    }
    request.has_body = length.find_first_not_of('0') != length.npos;
  }
  if (codings == 1) {
    if (request.version_minor == 0) {
      return bad("HTTP/1.0 has no Transfer-Encoding");
    }
    if (!equals_ignoring_case(*request.header("Transfer-Encoding"), "chunked")) {
      return RequestError{501, "not_implemented", "the only Transfer-Encoding is chunked"};
    }
    request.has_body = true;
  }
  return std::nullopt;
}

Verdict apply_expectation(Request& request) {
  if (request.version_minor == 0) {
    return std::nullopt;  // RFC 9110 10.1.1: to be ignored
  }
  for (const std::string_view value : request.values("Expect")) {
    if (!equals_ignoring_case(value, "100-continue")) {
      return RequestError{417, "expectation_failed", "the only expectation is 100-continue"};
    }
    request.expects_continue = request.has_body;
  }
  return std::nullopt;
}

bool asks_for_upgrade(const Request& request) noexcept {
  for (const std::string_view value : request.values("Connection")) {
    if (request.version_minor == 1 && list_has_token(value, "upgrade")) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<RequestError> apply_request_rules(Request& request, const ParserLimits& limits) {
  if (auto error = apply_target(request, limits)) {
    return error;
  }
  if (auto error = apply_host(request)) {
    return error;
  }
  if (auto error = apply_framing(request)) {
    return error;
  }
  request.upgrade = asks_for_upgrade(request);
  return apply_expectation(request);
}

}  // namespace pushwire::http
