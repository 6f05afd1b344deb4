#include "bus/nats/library.h"

#include <openssl/crypto.h>

#include <mutex>

namespace pushwire::bus::nats {
namespace {

constexpr std::int64_t kLongestCloseMs = 5'000;

// The library's state is global, so is the count of those who need it.
struct Users {
  std::mutex mutex;
  int count = 0;
};

// libnats (3.4.1) gives OpenSSL's list of compression methods back when it closes, and OpenSSL would do so once more
// when the process exits: a crash. The process gives all its memory back anyway, so OpenSSL need not. This counts only
// before the first use of OpenSSL, hence before main().
[[maybe_unused]] const int kNoCleanupAtExit = OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);

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

std::string error_text(natsStatus status) {
  const char* last = nats_GetLastError(nullptr);
  std::string text = last != nullptr && *last != '\0' ? last : natsStatus_GetText(status);
  const std::size_t end = text.find("): ");
  if (text.starts_with('(') && end != std::string::npos) {
    text.erase(0, end + 3);
  }
  return text;
}

}  // namespace pushwire::bus::nats
