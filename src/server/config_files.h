// The files a configuration names: secrets are read, keys that another room parses are only opened.
// Blocking file I/O; main thread, at start and on a reload.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "base/result.h"
#include "server/config_result.h"

namespace pushwire::server {

struct FileText {
  std::string text;
  mode_t mode = 0;  // permission bits of the very file that was read, not of a later one under its name
};

// A regular file of at most `max_bytes`. The error says what is wrong with it and what is expected.
[[nodiscard]] Result<FileText> read_file(const std::string& path, std::size_t max_bytes);

// Reads the files of secrets (auth.hmac_secret_file, api.keys_file, bus.*.password_file, …) into `result.config`, opens
// the others: auth.public_key_file, auth.jwks_file, bus.*.tls_ca, bus.nats.credentials_file.
void read_named_files(LoadResult& result);

}  // namespace pushwire::server
