// ApiKeys: who may call the server API.
// Immutable value; any thread. Keys are kept and compared as digests, all of them each time, so that the time taken
// says nothing about a key.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"

namespace pushwire::api {

class ApiKeys {
 public:
  ApiKeys() = default;
  explicit ApiKeys(const std::vector<std::string>& keys);

  bool empty() const noexcept { return digests_.empty(); }
  // `authorization` is the header's value: "Bearer KEY".
  bool accept(std::optional<std::string_view> authorization) const noexcept;

 private:
  std::vector<Digest> digests_;
};

// Whether a Host header names this machine: localhost, 127.0.0.0/8 or [::1], with or without a port. What else it may
// say can be made to point here by whoever owns that name (DNS rebinding).
bool is_loopback_host(std::string_view host) noexcept;

}  // namespace pushwire::api
