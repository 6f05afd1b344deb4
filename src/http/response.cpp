#include "http/response.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iterator>

#include "base/json_writer.h"

namespace pushwire::http {
namespace {

struct Reason {
  int status;
  std::string_view phrase;
};

constexpr std::array<Reason, 24> kReasons = {{
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
}};

// A header that is the connection's own business: what the handler says about it is joined, not repeated.
constexpr std::string_view kConnection = "Connection";

bool has_no_content(int status) noexcept {
  return status < 200 || status == 204 || status == 304;
}

// HTTP/1.1 persists unless told otherwise, HTTP/1.0 ends unless told otherwise (RFC 9112 9.3).
std::string_view connection_option(const AnswerForm& form, bool close) noexcept {
  if (close || !form.keep_alive) {
    return "close";
  }
  return form.version_minor == 0 ? "keep-alive" : "";
}

void put_two(char* at, int number) noexcept {
  at[0] = static_cast<char>('0' + number / 10);
  at[1] = static_cast<char>('0' + number % 10);
}

}  // namespace

std::string_view DateCache::at(WallMs now) noexcept {
  const std::int64_t second = now / 1000;
  if (second != second_) {
    static constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
    static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const std::time_t time = second;
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    static constexpr std::string_view kForm = "Sun, 06 Nov 1994 08:49:37 GMT";
    std::copy(kForm.begin(), kForm.end(), text_.begin());
    std::copy_n(kDays.data() + parts.tm_wday * 3, 3, text_.data());
    put_two(&text_[5], parts.tm_mday);
    std::copy_n(kMonths.data() + parts.tm_mon * 3, 3, &text_[8]);
    put_two(&text_[12], (parts.tm_year + 1900) / 100);
    put_two(&text_[14], (parts.tm_year + 1900) % 100);
    put_two(&text_[17], parts.tm_hour);
    put_two(&text_[20], parts.tm_min);
    put_two(&text_[23], parts.tm_sec);
    second_ = second;
  }
  return {text_.data(), text_.size()};
}

std::string_view reason_phrase(int status) noexcept {
  const auto* found =
      std::find_if(kReasons.begin(), kReasons.end(), [&](const Reason& each) { return each.status == status; });
  return found == kReasons.end() ? std::string_view{} : found->phrase;
}

void Response::append_to(std::string& out, const AnswerForm& form, std::string_view date) const {
  const auto add = std::back_inserter(out);
  fmt::format_to(add, "HTTP/1.1 {} {}\r\nDate: {}\r\n", status, reason_phrase(status), date);
  if (!content_type.empty()) {
    fmt::format_to(add, "Content-Type: {}\r\n", content_type);
  }
  if (!has_no_content(status)) {
    fmt::format_to(add, "Content-Length: {}\r\n", content().size());
  }
  std::string_view option = connection_option(form, close);
  for (const ResponseHeader& header : headers) {
    const bool joined = header.name == kConnection && !option.empty();
    fmt::format_to(add, "{}: {}{}{}\r\n", header.name, header.value, joined ? ", " : "", joined ? option : "");
    option = joined ? std::string_view{} : option;
  }
  if (!option.empty()) {
    fmt::format_to(add, "{}: {}\r\n", kConnection, option);
  }
  out += "\r\n";
  if (!form.head && !has_no_content(status)) {
    out += content();
  }
}

std::string json_error_body(std::string_view code, std::string_view message, const ErrorDetail& detail) {
  std::string out = R"({"error":{"code":)";
  json_append_string(out, code);
  out += R"(,"message":)";
  json_append_string(out, message);
  if (!detail.field.empty()) {
    out += R"(,"field":)";
    json_append_string(out, detail.field);
  }
  if (detail.byte) {
    out += R"(,"byte":)";
    json_append_integer(out, static_cast<std::int64_t>(*detail.byte));
  }
  out += "}}";
  return out;
}

Response json_error(int status, std::string_view code, std::string_view message, const ErrorDetail& detail) {
  return Response::json(status, json_error_body(code, message, detail));
}

}  // namespace pushwire::http
