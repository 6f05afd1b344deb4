// What a listener's settings make of TLS, and whether the files have changed since.
// Functions and a value; the main thread's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/tls_server.h"
#include "server/config.h"

namespace pushwire::server {

// Null when there are no certificates: the listener speaks in the clear. Errors name the file.
Result<std::shared_ptr<const net::TlsServer>> make_tls_server(const Config::Texts& certificates,
                                                              const Config::Texts& keys,
                                                              const std::string& client_authorities);

// Watches the files of both listeners.
class TlsFiles {
 public:
  explicit TlsFiles(const Config& config);

  // To be called now and then: true once when a file has changed and none has since the call before, since a
  // certificate and its key are not replaced in one moment. What is gone for a moment is about to be replaced.
  bool have_settled_anew();

 private:
  struct Look {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t written_ns = 0;
    bool operator==(const Look&) const = default;
  };
  std::vector<Look> look() const;

  std::vector<std::string> paths_;
  std::vector<Look> known_;
  std::vector<Look> before_;
};

}  // namespace pushwire::server
