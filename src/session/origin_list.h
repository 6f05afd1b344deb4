// OriginList: the web pages that may connect (interface.md 3; RFC 6454 7). Browsers send the page's origin, apps none.
// Immutable after parse(); any thread. "Origin equals Host" is never a reason to accept: DNS rebinding makes them
// equal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pushwire::session {

class OriginList {
 public:
  // Nobody but clients that send no Origin.
  OriginList() = default;
  // Entries are scheme://host[:port], or "*" alone for every origin. Errors name the entry and what is expected.
  static Result<OriginList> parse(const std::vector<std::string>& entries);
  // This list and the pages that this machine serves on `port`: http://127.0.0.1:PORT and http://localhost:PORT, or
  // what `scheme` says instead of http.
  OriginList with_dev_origins(std::uint16_t port, std::string_view scheme = "http") const;

  // `header_count`: how many Origin headers came, `origin`: the value of the first. Compared without regard to case, a
  // default port equals the explicit one. "null", empty, malformed or several: false, unless the list is "*".
  bool allows(std::optional<std::string_view> origin, std::size_t header_count) const;

 private:
  bool any_ = false;
  std::vector<std::string> origins_;  // as normalised: lower case, default port written out
};

}  // namespace pushwire::session
