#include "bus/nats/connector.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "base/check.h"
#include "base/log.h"

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

Result<> set_login(natsOptions* options, const NatsSettings& settings) {
  if (!settings.username.empty()) {
    return checked(natsOptions_SetUserInfo(options, settings.username.c_str(), settings.password.c_str()),
                   "bus.nats.username");
  }
  if (!settings.token.empty()) {
    return checked(natsOptions_SetToken(options, settings.token.c_str()), "bus.nats.token");
  }
  if (const std::string& path = settings.credentials_file; !path.empty()) {
    return checked(natsOptions_SetUserCredentialsFromFiles(options, path.c_str(), nullptr),
                   "bus.nats.credentials_file");
  }
  return {};
}

Result<> set_tls(natsOptions* options, const NatsSettings& settings, const ServerName& server) {
  if (!settings.tls) {
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
  if (status != NATS_OK || settings.tls_ca.empty()) {
    return checked(status, "bus.nats.tls");
  }
  return checked(natsOptions_LoadCATrustedCertificates(options, settings.tls_ca.c_str()), "bus.nats.tls_ca");
}

// The library's, inside natsConnection_Connect(): so on the attempt's thread.
natsStatus attach(void** user_data, void* place, natsConnection*, natsSock fd) {
  auto& door = *static_cast<std::unique_ptr<Door>*>(place);
  door = std::make_unique<Door>(Door{static_cast<int>(fd)});
  *user_data = door.get();
  return NATS_OK;
}

// `door` is filled when a connection is made. Anew for each attempt: the library shares the TLS part with the
// connections that were made of it, and would begin one without the authorities when it has to change it.
Result<OptionsPtr> make_options(const NatsSettings& settings, const ServerName& server, std::unique_ptr<Door>& door) {
  natsOptions* options = nullptr;
  natsStatus status = natsOptions_Create(&options);
  OptionsPtr made(options);
  const auto set = [&status](natsStatus next) { status = status == NATS_OK ? next : status; };
  if (status == NATS_OK) {
    if (Result<> url = checked(natsOptions_SetURL(options, server.url.c_str()), "bus.nats.servers"); !url) {
      return tl::unexpected(url.error());
    }
    set(natsOptions_SetEventLoop(options, &door, attach, on_read_wanted, on_write_wanted, on_detach));
    set(natsOptions_SetName(options, "pushwire"));
    set(natsOptions_SetTimeout(options, Connector::kTimeoutMs));
    set(natsOptions_SetAllowReconnect(options, false));
    set(natsOptions_SetReconnectBufSize(options, 0));
    set(natsOptions_SetIgnoreDiscoveredServers(options, true));
    set(natsOptions_SetSendAsap(options, true));  // else a thread flushes
    set(natsOptions_SetPingInterval(options, 0));
    set(natsOptions_SetIOBufSize(options, Connector::kReadBytes));
  }
  Result<> done = checked(status, "bus.kind: libnats");
  done = done ? set_login(options, settings) : done;
  done = done ? set_tls(options, settings, server) : done;
  if (!done) {
    return tl::unexpected(done.error());
  }
  return made;
}

// What the thread of an attempt owns: it may outlive the connector. Its promises are all that the two share.
class Attempt {
 public:
  Attempt(const NatsSettings& settings, ServerName server, net::Fd wake)
      : library_(std::make_unique<Library>()),
        settings_(settings),
        server_(std::move(server)),
        wake_(std::move(wake)) {}

  std::future<Result<Opened>> outcome() { return outcome_.get_future(); }
  std::future<void> ended() { return ended_.get_future(); }

  void run() {
    outcome_.set_value(connect());
    [[maybe_unused]] const int written = eventfd_write(wake_.get(), 1);
    outcome_ = {};  // when nobody waits for it any more, the connection ends here
    nats_ReleaseThreadMemory();
    library_.reset();
    ended_.set_value();
  }

 private:
  Result<Opened> connect() {
    std::unique_ptr<Door> door;
    const Result<OptionsPtr> options = make_options(settings_, server_, door);
    if (!options) {
      return tl::unexpected(options.error());
    }
    natsConnection* made = nullptr;
    const natsStatus status = natsConnection_Connect(&made, options->get());
    if (status != NATS_OK) {
      return fail(explain_failure(status, error_text(status), settings_, server_.address));
    }
    return Opened{std::move(door), ConnectionPtr(made), server_.address};
  }

  std::unique_ptr<Library> library_;  // stays open as long as this thread may be inside it
  const NatsSettings settings_;
  const ServerName server_;
  const net::Fd wake_;
  std::promise<Result<Opened>> outcome_;
  std::promise<void> ended_;
};

template <class Value>
bool is_there(const std::future<Value>& value, MonotonicMs wait_ms = 0) {
  return value.wait_for(std::chrono::milliseconds(wait_ms)) == std::future_status::ready;
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

Connector::Connector(const NatsSettings& settings, MonotonicMs most_ms)
    : settings_(settings), most_ms_(most_ms), ready_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
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
  std::unique_ptr<Door> none;
  if (const Result<OptionsPtr> made = make_options(settings_, servers_.front(), none); !made) {
    return tl::unexpected(made.error());
  }
  // Not all nodes at the same server of a cluster.
  next_ = std::random_device{}() % servers_.size();
  return {};
}

bool Connector::find_next() {
  std::erase_if(hanging_, [](const Hanging& each) { return is_there(each.ended); });
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const auto hangs =
        std::count_if(hanging_.begin(), hanging_.end(), [this](const Hanging& each) { return each.server == next_; });
    if (static_cast<std::size_t>(hangs) < kMostHanging) {
      return true;
    }
    next_ = (next_ + 1) % servers_.size();
  }
  return false;
}

void Connector::connect() {
  until_ = monotonic_ms() + most_ms_;
  net::Fd wake(fcntl(ready_.get(), F_DUPFD_CLOEXEC, 0));
  if (!wake || !find_next()) {
    std::promise<Result<Opened>> failed;
    outcome_ = failed.get_future();
    failed.set_value(
        wake ? fail(fmt::format("bus.nats.servers: {} attempts to connect to {} hang (name server, or TLS handshake)",
                                kMostHanging, servers_[next_].address))
             : fail("bus.kind: no descriptor; raise the limit of open files"));
    (void)eventfd_write(ready_.get(), 1);  // cannot fail: it counts to 2^64
    return;
  }
  auto attempt = std::make_unique<Attempt>(settings_, servers_[next_], std::move(wake));
  outcome_ = attempt->outcome();
  ended_ = attempt->ended();
  thread_ = std::thread([attempt = std::move(attempt)] { attempt->run(); });
}

std::optional<Result<Opened>> Connector::take() {
  eventfd_t ignored;
  (void)eventfd_read(ready_.get(), &ignored);  // only resets it
  if (!outcome_.valid()) {
    return std::nullopt;
  }
  if (!is_there(outcome_)) {
    if (monotonic_ms() < until_) {
      return std::nullopt;
    }
    const std::string& address = servers_[next_].address;
    leave_behind();
    next_ = (next_ + 1) % servers_.size();
    return fail(fmt::format("bus.nats.servers: no connection to {} within {} ms", address, most_ms_));
  }
  Result<Opened> outcome = outcome_.get();
  if (thread_.joinable()) {
    thread_.join();
  }
  if (!outcome) {
    next_ = (next_ + 1) % servers_.size();
  }
  return outcome;
}

void Connector::leave_behind() {
  thread_.detach();
  outcome_ = {};
  hanging_.push_back({next_, std::move(ended_)});
}

void Connector::stop() {
  if (!thread_.joinable()) {
    outcome_ = {};
    return;
  }
  if (is_there(outcome_, kStopMs)) {
    (void)outcome_.get();  // whatever it is, nobody wants it
    thread_.join();
  } else {
    log_error("bus.nats.servers: the attempt to connect to {} does not end within {} ms; its thread is left behind",
              servers_[next_].address, kStopMs);
    leave_behind();
  }
}

}  // namespace pushwire::bus::nats
