// What owns the things of libnats: its threads, and the objects that must be given back to it.
// Any thread.
#pragma once

#include <nats/nats.h>

#include <memory>
#include <string>

namespace pushwire::bus::nats {

// Keeps libnats open. It has one set of threads (timers, callbacks) for the whole process, so these count their users:
// with the last of them the threads end. Requires: every object of the library has been given back before.
class Library {
 public:
  Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library();
};

// What the library says about the last call of this thread, without the place in its source that it puts in front.
std::string error_text(natsStatus status);

struct GiveBack {
  void operator()(natsOptions* options) const noexcept { natsOptions_Destroy(options); }
  void operator()(natsConnection* connection) const noexcept { natsConnection_Destroy(connection); }
  void operator()(natsSubscription* subscription) const noexcept { natsSubscription_Destroy(subscription); }
  void operator()(natsMsg* message) const noexcept { natsMsg_Destroy(message); }
};

using OptionsPtr = std::unique_ptr<natsOptions, GiveBack>;
using ConnectionPtr = std::unique_ptr<natsConnection, GiveBack>;
using SubscriptionPtr = std::unique_ptr<natsSubscription, GiveBack>;
using MessagePtr = std::unique_ptr<natsMsg, GiveBack>;

}  // namespace pushwire::bus::nats
