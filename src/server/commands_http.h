// One HTTP POST and its answer, for `pushwire push`. Boost.Asio and Boost.Beast stay inside the .cpp.
// Blocking, main thread.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace pushwire::server {

struct HttpPost {
  std::string host;  // a name or an address, without brackets
  std::string port;
  std::string path;
  std::string api_key;  // empty: no Authorization header
  std::string json;
  bool tls = false;
  std::string authorities = {};  // PEM file with those that its certificate may come from; empty: the system's
};

struct HttpAnswer {
  unsigned status = 0;
  std::string reason;
  std::string body;  // at most 1 MiB
};

// Fails when there is no whole answer within `timeout`. The error says what could not be done.
[[nodiscard]] Result<HttpAnswer> post(const HttpPost& request, std::chrono::milliseconds timeout);

}  // namespace pushwire::server
