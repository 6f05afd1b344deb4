#include "session/key_set.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "session/jwks.h"

namespace pushwire::session {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct FileText {
  std::string text;
  mode_t mode = 0;
};

std::string reason_of(int error) {
  return std::generic_category().message(error);
}

Result<FileText> read_file(const std::string& path) {
  // Non-blocking: a FIFO must not hold the start.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat facts {};
  if (file.get() < 0 || ::fstat(file.get(), &facts) != 0) {
    return fail(fmt::format("{}: cannot be read: {}", path, reason_of(errno)));
  }
  if (!S_ISREG(facts.st_mode)) {
    return fail(fmt::format("{}: is not a regular file", path));
  }
  FileText out{std::string(kMaxFileBytes + 1, '\0'), facts.st_mode};
  std::size_t size = 0;
  while (size < out.text.size()) {
    const ssize_t got = ::read(file.get(), out.text.data() + size, out.text.size() - size);
    if (got < 0) {
      return fail(fmt::format("{}: cannot be read: {}", path, reason_of(errno)));
    }
    if (got == 0) {
      break;
    }
    size += static_cast<std::size_t>(got);
  }
  if (size > kMaxFileBytes) {
    return fail(fmt::format("{}: is larger than 1 MiB", path));
  }
  out.text.resize(size);
  return out;
}

Result<> check_private(const std::string& path, mode_t mode) {
  if ((mode & 077) != 0) {
    return fail(fmt::format("{}: holds a secret and others can read it: chmod 600 it", path));
  }
  return {};
}

Result<std::string> read_secret_file(const std::string& path) {
  Result<FileText> file = read_file(path);
  if (!file) {
    return tl::unexpected(file.error());
  }
  const Result<> checked = check_private(path, file->mode);
  if (!checked) {
    return tl::unexpected(checked.error());
  }
  std::string& text = file->text;
  if (text.ends_with('\n')) {
    text.pop_back();
  }
  if (text.ends_with('\r')) {
    text.pop_back();
  }
  return std::move(text);
}

Result<JwtKey> key_from_secret(std::string_view secret, std::string_view source) {
  Result<JwtKey> key = JwtKey::from_secret(secret);
  if (!key) {
    return fail(fmt::format("{}: {}", source, key.error().message));
  }
  return key;
}

Result<JwtKey> read_secret_key(const std::string& path) {
  const Result<std::string> secret = read_secret_file(path);
  if (!secret) {
    return tl::unexpected(secret.error());
  }
  return key_from_secret(*secret, path);
}

Result<JwtKey> read_public_key(const std::string& path) {
  const Result<FileText> file = read_file(path);
  if (!file) {
    return tl::unexpected(file.error());
  }
  Result<JwtKey> key = JwtKey::from_pem(file->text);
  if (!key) {
    return fail(fmt::format("{}: {}", path, key.error().message));
  }
  return key;
}

Result<Jwks> read_jwks(const std::string& path) {
  const Result<FileText> file = read_file(path);
  if (!file) {
    return tl::unexpected(file.error());
  }
  Result<Jwks> jwks = parse_jwks(file->text);
  if (!jwks) {
    return fail(fmt::format("{}: {}", path, jwks.error().message));
  }
  if (jwks->has_secrets) {
    const Result<> checked = check_private(path, file->mode);
    if (!checked) {
      return tl::unexpected(checked.error());
    }
  }
  for (std::string& note : jwks->notes) {
    note = fmt::format("{}: {}", path, note);
  }
  if (jwks->keys.empty()) {
    return fail(fmt::format("{}: no key in it that can verify signatures{}", path,
                            jwks->notes.empty() ? "" : " (" + jwks->notes.front() + ")"));
  }
  return jwks;
}

// Every source that gives one key, in the order of the configuration page.
Result<std::vector<JwtKey>> read_single_keys(const KeySources& sources) {
  std::vector<Result<JwtKey>> read;
  if (!sources.hmac_secret.empty()) {
    read.push_back(key_from_secret(sources.hmac_secret, "auth.hmac_secret"));
  }
  if (!sources.hmac_secret_file.empty()) {
    read.push_back(read_secret_key(sources.hmac_secret_file));
  }
  if (!sources.public_key_file.empty()) {
    read.push_back(read_public_key(sources.public_key_file));
  }
  std::vector<JwtKey> keys;
  for (Result<JwtKey>& key : read) {
    if (!key) {
      return tl::unexpected(key.error());
    }
    keys.push_back(std::move(*key));
  }
  return keys;
}

}  // namespace

bool KeySet::verify(std::string_view kid, JwtAlgorithm algorithm, std::string_view input,
                    std::string_view signature) const {
  const bool known = !kid.empty() && std::ranges::any_of(keys_, [&](const JwtKey& key) { return key.id() == kid; });
  return std::ranges::any_of(keys_, [&](const JwtKey& key) {
    const bool in_question = kid.empty() || (known ? key.id() == kid : key.id().empty());
    return in_question && key.permits(algorithm) && key.verify(algorithm, input, signature);
  });
}

Result<KeySet> load_keys(const KeySources& sources) {
  Result<std::vector<JwtKey>> keys = read_single_keys(sources);
  if (!keys) {
    return tl::unexpected(keys.error());
  }
  std::vector<std::string> notes;
  if (!sources.jwks_file.empty()) {
    Result<Jwks> jwks = read_jwks(sources.jwks_file);
    if (!jwks) {
      return tl::unexpected(jwks.error());
    }
    std::ranges::move(jwks->keys, std::back_inserter(*keys));
    notes = std::move(jwks->notes);
  }
  if (keys->empty()) {
    return fail(
        "no key to verify tokens with: set auth.hmac_secret_file, auth.public_key_file or auth.jwks_file "
        "(or auth.mode = \"dev\" to try it on loopback)");
  }
  return KeySet(std::move(*keys), std::move(notes));
}

Result<std::string> load_secret(const KeySources& sources) {
  if (sources.hmac_secret.empty() && sources.hmac_secret_file.empty()) {
    return fail("no secret to sign with: set auth.hmac_secret or auth.hmac_secret_file");
  }
  const bool in_place = !sources.hmac_secret.empty();
  Result<std::string> secret = in_place ? sources.hmac_secret : read_secret_file(sources.hmac_secret_file);
  if (!secret) {
    return secret;
  }
  if (secret->size() < kMinSecretBytes) {
    return fail(fmt::format("{}: at least {} bytes are needed",
                            in_place ? "auth.hmac_secret" : sources.hmac_secret_file, kMinSecretBytes));
  }
  return secret;
}

}  // namespace pushwire::session
