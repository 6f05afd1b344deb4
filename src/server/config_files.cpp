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

#include "net/tls_client.h"
#include "server/config_rules.h"
#include "server/config_text.h"
#include "server/listener_tls.h"

namespace pushwire::server {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr const char* kOneLine = "one line";

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

// A secret that stands in the configuration or, alone, in a file of its own.
struct SecretKeys {
  std::string_view in_place;
  std::string_view in_file;
  std::string expected;  // completes "FILE holds no secret, expected …"
};

void read_secret_file(LoadResult& result, const SecretKeys& keys, const std::string& path, std::string& secret) {
  if (path.empty()) {
    return;
  }
  const auto refuse = [&](std::string what) {
    result.add({keys.in_file}, std::move(what));
    result.faulty.emplace(keys.in_file);
  };
  if (!secret.empty()) {
    refuse(fmt::format("{} is given too, expected only one of the two", keys.in_place));
    return;
  }
  auto text = read_secret(result, keys.in_file, path);
  if (!text) {
    result.faulty.emplace(keys.in_file);
    return;
  }
  if (text->ends_with('\n')) {
    text->pop_back();
  }
  if (text->ends_with('\r')) {
    text->pop_back();
  }
  if (text->empty()) {
    refuse(fmt::format("{} holds no secret, expected {}", in_quotes(path), keys.expected));
  }
  secret = *std::move(text);
}

// Servers take a password or key as a line of text.
void check_line(LoadResult& result, const SecretKeys& keys, const std::string& secret) {
  if (result.sound({keys.in_place, keys.in_file}) &&
      secret.find_first_of(std::string_view("\n\r\0", 3)) != secret.npos) {
    result.add({keys.in_file, keys.in_place}, "the secret has a line end or a zero byte in it, expected one line");
  }
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

void check_authorities(LoadResult& result, std::string_view key, const std::string& path) {
  check_readable(result, key, path);
  if (path.empty() || !result.sound({key})) {
    return;
  }
  if (const auto tls = net::make_tls_client(path); !tls) {
    result.add({key}, tls.error().message);
    result.faulty.emplace(key);
  }
}

// The listener's certificates, as `prefix` + "tls_certificate" and so on name them.
struct ListenerTls {
  std::string prefix;
  const Config::Texts& certificates;
  const Config::Texts& keys;
  std::string client_authorities;

  std::string key(std::string_view name) const { return prefix + std::string(name); }
};

void check_listener_tls(LoadResult& result, const ListenerTls& tls) {
  const std::string certificate_key = tls.key("tls_certificate");
  const std::string key_key = tls.key("tls_key");
  const std::string authorities_key = tls.key("tls_client_ca");
  if (tls.certificates.size() != tls.keys.size()) {
    result.add({key_key, certificate_key},
               fmt::format("{} certificates and {} keys, expected a key for each certificate", tls.certificates.size(),
                           tls.keys.size()));
    return;
  }
  if (tls.certificates.empty()) {
    if (!tls.client_authorities.empty()) {
      result.add({authorities_key}, fmt::format("has no effect without TLS, expected {} too", certificate_key));
    }
    return;
  }
  for (const std::string& path : tls.keys) {
    if (!read_secret(result, key_key, path)) {
      return;
    }
  }
  if (const auto made = make_tls_server(tls.certificates, tls.keys, tls.client_authorities); !made) {
    const bool of_authorities =
        !tls.client_authorities.empty() && made.error().message.starts_with(tls.client_authorities);
    result.add({of_authorities ? authorities_key : certificate_key}, made.error().message);
  }
}

void read_bus_files(LoadResult& result) {
  Config::Bus& bus = result.config.bus;
  const auto secret_of = [&](const SecretKeys& keys, const std::string& path, std::string& secret) {
    read_secret_file(result, keys, path, secret);
    check_line(result, keys, secret);
  };
  secret_of({"bus.rocketmq.secret_key", "bus.rocketmq.secret_key_file", kOneLine}, bus.rocketmq.secret_key_file,
            bus.rocketmq.secret_key);
  secret_of({"bus.redis.password", "bus.redis.password_file", kOneLine}, bus.redis.password_file, bus.redis.password);
  secret_of({"bus.nats.password", "bus.nats.password_file", kOneLine}, bus.nats.password_file, bus.nats.password);
  secret_of({"bus.kafka.password", "bus.kafka.password_file", kOneLine}, bus.kafka.password_file, bus.kafka.password);
  if (const std::string& path = bus.nats.credentials_file; !path.empty()) {
    constexpr std::string_view kKey = "bus.nats.credentials_file";  // the library reads it, with the key in it
    if (!read_secret(result, kKey, path)) {
      result.faulty.emplace(kKey);
    }
  }
  check_authorities(result, "bus.rocketmq.tls_ca", bus.rocketmq.tls_ca);
  check_authorities(result, "bus.redis.tls_ca", bus.redis.tls_ca);
  check_authorities(result, "bus.nats.tls_ca", bus.nats.tls_ca);
  check_authorities(result, "bus.kafka.tls_ca", bus.kafka.tls_ca);
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
  Config& config = result.config;
  read_secret_file(result,
                   {"auth.hmac_secret", "auth.hmac_secret_file", fmt::format("at least {} bytes", kMinHmacSecretBytes)},
                   config.auth.hmac_secret_file, config.auth.hmac_secret);
  read_api_keys(result);
  check_readable(result, "auth.public_key_file", config.auth.public_key_file);
  check_readable(result, "auth.jwks_file", config.auth.jwks_file);
  check_listener_tls(result, {"client.", config.client.tls_certificate, config.client.tls_key, ""});
  check_listener_tls(result, {"api.", config.api.tls_certificate, config.api.tls_key, config.api.tls_client_ca});
  read_bus_files(result);
}

}  // namespace pushwire::server
