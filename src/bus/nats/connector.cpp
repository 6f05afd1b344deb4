#include "bus/nats/connector.h"

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <random>

#include "base/check.h"

namespace pushwire::bus::nats {
namespace {

// A write that finds no room: only with TLS does the library wait for it, and so the bus's thread with it.
constexpr std::int64_t kLongestTlsWriteMs = 2'000;

natsStatus on_read_wanted(void*, bool) {
  return NATS_OK;
}  // it always is

natsStatus on_write_wanted(void* user_data, bool wanted) {
  static_cast<Door*>(user_data)->wants_to_write = wanted;
  return NATS_OK;
}

natsStatus on_detach(void*) {
  return NATS_OK;
}

std::string_view login_setting(const NatsSettings& settings) {
  if (!settings.credentials_file.empty()) {
    return "bus.nats.credentials_file";
  }
  if (!settings.token.empty()) {
    return "bus.nats.token";
  }
  return settings.username.empty() ? "bus.nats.username, token or credentials_file" : "bus.nats.password";
}

Result<> checked(natsStatus status, std::string_view setting) {
  if (status == NATS_OK) {
    return {};
  }
  return fail(fmt::format("{}: {}", setting, error_text(status)));
}

}  // namespace

ServerName parse_server(const std::string& text) {
  ServerName name;
  const std::size_t scheme = text.find("://");
  name.url = scheme == std::string::npos ? "nats://" + text : text;
  name.address = scheme == std::string::npos ? text : text.substr(scheme + 3);
  if (const std::size_t at = name.address.rfind('@'); at != std::string::npos) {
    name.address.erase(0, at + 1);
  }
  const std::size_t bracket = name.address.find(']');  // [::1]:4222
  if (name.address.starts_with('[') && bracket != std::string::npos) {
    name.host = name.address.substr(1, bracket - 1);
  } else {
    name.host = name.address.substr(0, name.address.find(':'));
  }
  return name;
}

std::string explain_failure(natsStatus status, std::string_view text, const NatsSettings& settings,
                            std::string_view address) {
  if (text.empty()) {
    text = natsStatus_GetText(status);
  }
  switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
      return fmt::format("{}: {} refused it ({})", login_setting(settings), address, text);
    case NATS_SECURE_CONNECTION_REQUIRED:
      return fmt::format("bus.nats.tls: {} demands TLS", address);
    case NATS_SECURE_CONNECTION_WANTED:
      return fmt::format("bus.nats.tls: {} has no TLS", address);
    case NATS_SSL_ERROR:
      if (!settings.tls) {
        return fmt::format("bus.nats.tls: {} demands TLS", address);
      }
      return fmt::format("bus.nats.tls_ca: no TLS with {} ({})", address, text);
    case NATS_TIMEOUT:
      return fmt::format("bus.nats.servers: {} did not answer within {} ms", address, Connector::kTimeoutMs);
    case NATS_NO_SERVER:
      return fmt::format("bus.nats.servers: no NATS server at {}", address);
    case NATS_ERR:
    case NATS_INVALID_ARG:
      // The library has no status of its own for a credentials file that it cannot use.
      if (!settings.credentials_file.empty()) {
        return fmt::format("bus.nats.credentials_file: {} ({})", text, address);
      }
      [[fallthrough]];
    default:
      return fmt::format("bus.nats.servers: cannot connect to {} ({})", address, text);
  }
}

Connector::Connector(const NatsSettings& settings)
    : settings_(settings), ready_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  PW_CHECK(ready_);
  for (const std::string& server : settings.servers) {
    servers_.push_back(parse_server(server));
  }
}

Connector::~Connector() {
  stop();
}

Result<> Connector::start() {
  if (servers_.empty()) {
    return fail("bus.nats.servers: no server");
  }
  if (Result<> made = make_options(servers_.front()); !made) {
    return made;
  }
  // Not all nodes at the same server of a cluster.
  next_ = std::random_device{}() % servers_.size();
  thread_ = std::thread([this] { run(); });
  return {};
}

// Anew for each attempt: the library shares the TLS part with the connections that were made of it, and would begin one
// without the authorities when it has to change it.
Result<> Connector::make_options(const ServerName& server) {
  natsOptions* made = nullptr;
  if (const natsStatus status = natsOptions_Create(&made); status != NATS_OK) {
    return checked(status, "bus.kind: libnats");
  }
  options_.reset(made);
  natsOptions* options = options_.get();
  if (Result<> url = checked(natsOptions_SetURL(options, server.url.c_str()), "bus.nats.servers"); !url) {
    return url;
  }
  natsStatus status = natsOptions_SetEventLoop(options, this, attach, on_read_wanted, on_write_wanted, on_detach);
  const auto set = [&status](natsStatus next) { status = status == NATS_OK ? next : status; };
  set(natsOptions_SetName(options, "pushwire"));
  set(natsOptions_SetTimeout(options, kTimeoutMs));
  set(natsOptions_SetAllowReconnect(options, false));
  set(natsOptions_SetReconnectBufSize(options, 0));
  set(natsOptions_SetIgnoreDiscoveredServers(options, true));
  set(natsOptions_SetSendAsap(options, true));  // else a thread flushes
  set(natsOptions_SetPingInterval(options, 0));
  set(natsOptions_SetIOBufSize(options, kReadBytes));
  if (Result<> common = checked(status, "bus.kind: libnats"); !common) {
    return common;
  }
  Result<> login = set_login();
  return login ? set_tls(server) : login;
}

Result<> Connector::set_login() {
  natsOptions* options = options_.get();
  if (!settings_.username.empty()) {
    return checked(natsOptions_SetUserInfo(options, settings_.username.c_str(), settings_.password.c_str()),
                   "bus.nats.username");
  }
  if (!settings_.token.empty()) {
    return checked(natsOptions_SetToken(options, settings_.token.c_str()), "bus.nats.token");
  }
  if (const std::string& path = settings_.credentials_file; !path.empty()) {
    return checked(natsOptions_SetUserCredentialsFromFiles(options, path.c_str(), nullptr),
                   "bus.nats.credentials_file");
  }
  return {};
}

Result<> Connector::set_tls(const ServerName& server) {
  natsOptions* options = options_.get();
  if (!settings_.tls) {
    // The library turns TLS on by itself when the server demands it. We read a TLS connection differently, so that
    // must fail: no certificate has this name.
    return checked(natsOptions_SetExpectedHostname(options, "TLS is off"), "bus.nats.tls");
  }
  natsStatus status = natsOptions_SetSecure(options, true);
  if (status == NATS_OK) {
    status = natsOptions_SetExpectedHostname(options, server.host.c_str());
  }
  if (status == NATS_OK) {
    status = natsOptions_SetWriteDeadline(options, kLongestTlsWriteMs);
  }
  if (status != NATS_OK || settings_.tls_ca.empty()) {
    return checked(status, "bus.nats.tls");
  }
  return checked(natsOptions_LoadCATrustedCertificates(options, settings_.tls_ca.c_str()), "bus.nats.tls_ca");
}

// The library's, inside natsConnection_Connect(): so on our thread.
natsStatus Connector::attach(void** user_data, void* loop, natsConnection*, natsSock fd) {
  auto* self = static_cast<Connector*>(loop);
  self->door_ = std::make_unique<Door>(Door{static_cast<int>(fd)});
  *user_data = self->door_.get();
  return NATS_OK;
}

void Connector::connect() {
  const std::lock_guard lock(mutex_);
  wanted_ = true;
  changed_.notify_one();
}

std::optional<Result<Opened>> Connector::take() {
  eventfd_t ignored;
  (void)eventfd_read(ready_.get(), &ignored);  // only resets it
  const std::lock_guard lock(mutex_);
  return std::exchange(outcome_, std::nullopt);
}

void Connector::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
  outcome_.reset();
  options_.reset();
}

void Connector::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return wanted_ || stopping_; });
    if (stopping_) {
      break;
    }
    wanted_ = false;
    lock.unlock();
    Result<Opened> outcome = attempt();
    lock.lock();
    outcome_ = std::move(outcome);
    [[maybe_unused]] const int written = eventfd_write(ready_.get(), 1);
  }
  lock.unlock();
  nats_ReleaseThreadMemory();
}

Result<Opened> Connector::attempt() {
  const ServerName& server = servers_[next_ % servers_.size()];
  if (Result<> made = make_options(server); !made) {
    ++next_;
    return tl::unexpected(made.error());
  }
  natsConnection* made = nullptr;
  const natsStatus status = natsConnection_Connect(&made, options_.get());
  if (status != NATS_OK) {
    ++next_;
    return fail(explain_failure(status, error_text(status), settings_, server.address));
  }
  return Opened{std::move(door_), ConnectionPtr(made), server.address};
}

}  // namespace pushwire::bus::nats
