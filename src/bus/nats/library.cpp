#include "bus/nats/library.h"

#include <mutex>

namespace pushwire::bus::nats {
namespace {

constexpr std::int64_t kLongestCloseMs = 5'000;

// The library's state is global, so is the count of those who need it.
struct Users {
  std::mutex mutex;
  int count = 0;
};

Users& users() {
  static Users all;
  return all;
}

}  // namespace

Library::Library() {
  const std::lock_guard lock(users().mutex);
  ++users().count;
  (void)nats_Open(-1);  // if it fails, so does each connection, with the same reason
}

Library::~Library() {
  const std::lock_guard lock(users().mutex);
  if (--users().count == 0) {
    (void)nats_CloseAndWait(kLongestCloseMs);
  }
}

}  // namespace pushwire::bus::nats
