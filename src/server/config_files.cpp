#include "server/config_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "server/config_rules.h"
#include "server/config_text.h"

namespace pushwire::server {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

// Closes the descriptor at the end of the scope.
class OpenFile {
 public:
  // O_NONBLOCK: a named pipe must not hold the start.
  explicit OpenFile(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> system_failure(const std::string& path, int error) {
  return fail(fmt::format("cannot read {} ({}), expected a readable file", in_quotes(path),
                          std::generic_category().message(error)));
}

// Up to `max_bytes` and one more, so that the caller sees that there are more.
Result<std::string> read_all(int fd, const std::string& path, std::size_t max_bytes) {
  std::string text(max_bytes + 1, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t got = ::read(fd, text.data() + length, text.size() - length);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return system_failure(path, errno);
    }
    if (got == 0) {
      break;
    }
    length += static_cast<std::size_t>(got);
  }
  text.resize(length);
  return text;
}

// The file's text when nobody but its owner may read it; else the mistake is noted.
std::optional<std::string> read_secret(LoadResult& result, std::string_view key, const std::string& path) {
  auto file = read_file(path, kMaxFileBytes);
  if (!file) {
    result.add({key}, file.error().message);
    return std::nullopt;
  }
  if ((file->mode & 077) != 0) {
    result.add({key}, fmt::format("{} can be read by others (mode {:04o}), expected mode 0600: chmod 600 {}",
                                  in_quotes(path), file->mode, printable(path)));
    return std::nullopt;
  }
  return std::move(file->text);
}

void read_hmac_secret(LoadResult& result) {
  Config::Auth& auth = result.config.auth;
  if (auth.hmac_secret_file.empty()) {
    return;
  }
  if (!auth.hmac_secret.empty()) {
    result.add({"auth.hmac_secret_file"}, "auth.hmac_secret is given too, expected only one of the two");
    result.faulty.emplace("auth.hmac_secret_file");
    return;
  }
  auto text = read_secret(result, "auth.hmac_secret_file", auth.hmac_secret_file);
  if (!text) {
    result.faulty.emplace("auth.hmac_secret_file");
    return;
  }
  if (text->ends_with('\n')) {
    text->pop_back();
  }
  if (text->ends_with('\r')) {
    text->pop_back();
  }
  if (text->empty()) {
    result.add({"auth.hmac_secret_file"}, fmt::format("{} holds no secret, expected at least {} bytes",
                                                      in_quotes(auth.hmac_secret_file), kMinHmacSecretBytes));
    result.faulty.emplace("auth.hmac_secret_file");
  }
  auth.hmac_secret = *std::move(text);
}

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = line.find_first_not_of(kBlank);
  return first == std::string_view::npos ? "" : line.substr(first, line.find_last_not_of(kBlank) - first + 1);
}

void read_api_keys(LoadResult& result) {
  Config::Api& api = result.config.api;
  if (api.keys_file.empty()) {
    return;
  }
  const auto text = read_secret(result, "api.keys_file", api.keys_file);
  if (!text) {
    result.faulty.emplace("api.keys_file");
    return;
  }
  std::size_t found = 0;
  std::size_t number = 0;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t length = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, length));
    rest.remove_prefix(std::min(length + 1, rest.size()));
    ++number;
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    ++found;
    if (const auto checked = check_api_key(line); !checked) {
      result.add({"api.keys_file"},
                 fmt::format("line {} of {} is {}", number, in_quotes(api.keys_file), checked.error().message));
      continue;
    }
    api.keys.emplace_back(line);
  }
  // Falling back to "no key: ignore the header" would open an API whose keys were thought to be in force.
  if (found == 0) {
    result.add({"api.keys_file"}, fmt::format("{} holds no key, expected one a line", in_quotes(api.keys_file)));
  }
}

void check_readable(LoadResult& result, std::string_view key, const std::string& path) {
  if (path.empty()) {
    return;
  }
  if (const auto file = read_file(path, kMaxFileBytes); !file) {
    result.add({key}, file.error().message);
    result.faulty.emplace(key);
  }
}

}  // namespace

Result<FileText> read_file(const std::string& path, std::size_t max_bytes) {
  const OpenFile file(path);
  struct stat status {};
  if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) {
    return system_failure(path, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(fmt::format("{} is not a regular file, expected a readable file", in_quotes(path)));
  }
  auto text = read_all(file.fd(), path, max_bytes);
  if (!text) {
    return tl::unexpected(std::move(text.error()));
  }
  if (text->size() > max_bytes) {
    return fail(fmt::format("{} is too long, expected at most {} bytes", in_quotes(path), max_bytes));
  }
  return FileText{*std::move(text), status.st_mode & 07777};
}

void read_named_files(LoadResult& result) {
  read_hmac_secret(result);
  read_api_keys(result);
  check_readable(result, "auth.public_key_file", result.config.auth.public_key_file);
  check_readable(result, "auth.jwks_file", result.config.auth.jwks_file);
}

}  // namespace pushwire::server
