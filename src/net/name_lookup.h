// NameLookup: addresses of a host name, without blocking the loop.
//
// The resolver of the C library blocks and cannot be interrupted, so each lookup has a short-lived thread of its own.
// It shares nothing with its asker but the answer and a descriptor that becomes readable; who loses interest just lets
// go, and the thread ends when the resolver does. At most kMostAtOnce wait for a resolver at the same time.
// Thread: the asker's. A movable value.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/address.h"
#include "net/endpoint.h"
#include "net/socket_calls.h"

namespace pushwire::net {

class NameLookup {
 public:
  static constexpr int kMostAtOnce = 32;

  // The error says why no lookup could be begun. `calls` outlives the lookup's thread.
  static Result<NameLookup> begin(const Endpoint& endpoint, const SocketCalls& calls);

  // Readable when the answer is there. Stays valid while this object lives.
  int fd() const noexcept;
  // Requires: fd() is readable. All addresses in the order to try them, at least one.
  Result<std::vector<Address>> take();

 private:
  struct Shared;
  explicit NameLookup(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  std::shared_ptr<Shared> shared_;
};

}  // namespace pushwire::net
