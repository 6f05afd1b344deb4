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

// Reads auth.hmac_secret_file and api.keys_file into `result.config`, opens auth.public_key_file and auth.jwks_file.
void read_named_files(LoadResult& result);

}  // namespace pushwire::server
