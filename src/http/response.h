// Response: one HTTP answer as a value, and its bytes.
// Value types. Thread: the worker's. Lifetime: a static body must outlive the answer (pages compiled into the binary).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace pushwire::http {

struct ResponseHeader {
  std::string_view name;  // a literal
  std::string value;
};

// What the request decides about the form of its answer.
struct AnswerForm {
  bool head = false;        // HEAD: the length of the body, not the body
  bool keep_alive = false;  // another request may follow
  std::uint8_t version_minor = 1;
};

// The Date header's text, made anew once per second.
class DateCache {
 public:
  // Valid until the next call: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7).
  std::string_view at(WallMs now) noexcept;

 private:
  std::int64_t second_ = -1;
  std::array<char, 29> text_{};
};

inline constexpr std::string_view kJsonType = "application/json";

struct Response {
  int status = 200;
  std::string_view content_type;  // a literal; "" for none
  std::string body;
  std::string_view static_body;  // used when `body` is empty; not copied until it is written
  std::vector<ResponseHeader> headers;
  bool close = false;  // the connection ends after this answer; nothing more is read from it

  static Response json(int status, std::string body) { return {status, kJsonType, std::move(body), {}, {}, false}; }
  static Response page(std::string_view content_type, std::string_view static_body) {
    return {200, content_type, {}, static_body, {}, false};
  }

  // Values must be free of control characters: what a client sent never goes into a header unchecked.
  Response&& with(std::string_view name, std::string value) && {
    headers.push_back({name, std::move(value)});
    return std::move(*this);
  }
  Response&& and_close() && {
    close = true;
    return std::move(*this);
  }

  std::string_view content() const noexcept { return body.empty() ? static_body : std::string_view(body); }
  // Appends status line, Date, Content-Type, Content-Length, Connection, the other headers, and the body.
  void append_to(std::string& out, const AnswerForm& form, std::string_view date) const;
};

struct ErrorDetail {
  std::string_view field;  // "to.user"; "" for none
  std::optional<std::size_t> byte;
};

// {"error":{"code","message","field"?,"byte"?}}; texts must be UTF-8.
std::string json_error_body(std::string_view code, std::string_view message, const ErrorDetail& detail = {});
Response json_error(int status, std::string_view code, std::string_view message, const ErrorDetail& detail = {});

// "Not Found"; "" when unknown.
std::string_view reason_phrase(int status) noexcept;

}  // namespace pushwire::http
