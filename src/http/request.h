// Request: one HTTP/1.1 request as views into the bytes its parser keeps.
// Value of views. Thread: the worker's. Lifetime: valid until the request was answered (or its connection taken over).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace pushwire::http {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kDelete, kPatch, kOptions, kTrace, kConnect, kOther };

// Methods are case-sensitive (RFC 9110 9.1).
Method method_of(std::string_view text) noexcept;
// "" for kOther.
std::string_view method_name(Method method) noexcept;
// Header names and tokens: ASCII letters without regard to case.
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
// True when the comma-separated `list` has `token`, without regard to case.
bool list_has_token(std::string_view list, std::string_view token) noexcept;

struct Header {
  std::string_view name;
  std::string_view value;  // without the white space around it
};

// The headers of one name, in the order they came: for (std::string_view value : request.values("origin")).
class HeaderValues {
 public:
  class Iterator {
   public:
    Iterator(std::span<const Header> rest, std::string_view name) noexcept : rest_(rest), name_(name) { settle(); }
    std::string_view operator*() const noexcept { return rest_.front().value; }
    Iterator& operator++() noexcept {
      rest_ = rest_.subspan(1);
      settle();
      return *this;
    }
    bool operator==(const Iterator& other) const noexcept { return rest_.size() == other.rest_.size(); }

   private:
    void settle() noexcept;

    std::span<const Header> rest_;
    std::string_view name_;
  };

  HeaderValues(std::span<const Header> headers, std::string_view name) noexcept : headers_(headers), name_(name) {}
  Iterator begin() const noexcept { return {headers_, name_}; }
  Iterator end() const noexcept { return {headers_.last(0), name_}; }

 private:
  std::span<const Header> headers_;
  std::string_view name_;
};

struct Request {
  Method method = Method::kOther;
  std::uint8_t version_minor = 1;  // HTTP/1.0 or HTTP/1.1
  bool keep_alive = false;         // the client allows another request on this connection
  bool upgrade = false;            // Connection names "upgrade"
  bool has_body = false;           // a body follows the head (its length may turn out to be 0 when chunked)
  bool expects_continue = false;   // Expect: 100-continue
  std::string_view method_text;
  std::string_view target;  // as it came
  std::string_view path;    // still percent-encoded, begins with '/'
  std::string_view query;   // raw, without '?'
  std::string_view host;    // Host, or the authority of an absolute target (RFC 9112 3.2.2); "" if there is none
  std::span<const Header> headers;
  std::string_view body;  // empty in on_head()

  // The first header of that name.
  std::optional<std::string_view> header(std::string_view name) const noexcept;
  std::size_t count(std::string_view name) const noexcept;
  HeaderValues values(std::string_view name) const noexcept { return {headers, name}; }
};

}  // namespace pushwire::http
