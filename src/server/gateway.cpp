#include "server/gateway.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>

#include "base/log.h"
#include "server/commands.h"
#include "server/config_check.h"
#include "server/config_load.h"
#include "server/version.h"

namespace pushwire::server {
namespace {

std::uint32_t usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  return sched_getaffinity(0, sizeof cores, &cores) == 0 ? static_cast<std::uint32_t>(std::max(CPU_COUNT(&cores), 1))
                                                         : 1;
}

std::vector<std::unique_ptr<WorkerBase>> make_bases(const Config& config) {
  const std::uint32_t count =
      config.node.workers == 0 ? usable_cores() : static_cast<std::uint32_t>(config.node.workers);
  std::vector<std::unique_ptr<WorkerBase>> bases;
  for (std::uint32_t i = 0; i < count; ++i) {
    bases.push_back(std::make_unique<WorkerBase>(i, config.node.mailbox_bytes));
  }
  return bases;
}

std::vector<hub::WorkerMailbox*> mailboxes_of(const std::vector<std::unique_ptr<WorkerBase>>& bases) {
  std::vector<hub::WorkerMailbox*> mailboxes;
  for (const auto& base : bases) {
    mailboxes.push_back(&base->mailbox);
  }
  return mailboxes;
}

}  // namespace

Gateway::Gateway(Config config, std::unique_ptr<bus::Bus> bus)
    : config_(std::move(config)),
      dedup_(config_.dedup.window.count(), config_.dedup.max_ids),
      bus_(std::move(bus)),
      bases_(make_bases(config_)),
      router_(mailboxes_of(bases_), &counts_),
      cluster_(make_cluster()),
      dispatcher_(*bus_, router_, dedup_, cluster_.get()) {
  fill_view();
}

Gateway::~Gateway() {
  stop();
}

void Gateway::fill_view() {
  view_.name = config_.node.name;
  view_.version = version();
  view_.commit = commit();
  view_.started_at = wall_ms();
  view_.counts = &counts_;
  view_.dispatcher = &dispatcher_;
  view_.dedup = &dedup_;
  view_.bus = bus_.get();
  view_.cluster = cluster_.get();
  for (const auto& base : bases_) {
    view_.workers.push_back({&base->stats, &base->mailbox, &base->loop});
  }
}

std::unique_ptr<hub::Cluster> Gateway::make_cluster() {
  if (config_.bus.kind == bus::BusKind::kEmbedded) {
    return nullptr;
  }
  hub::ClusterOptions options;
  options.name = config_.node.name;
  options.state = [this] {
    const api::NodeTotals totals = api::totals_of(view_);
    hub::Announcement announcement;
    announcement.version = view_.version;
    announcement.uptime_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(wall_ms() - view_.started_at, 0));
    announcement.connections = static_cast<std::uint64_t>(totals.connections);
    announcement.users = static_cast<std::uint64_t>(totals.users);
    announcement.subscriptions = static_cast<std::uint64_t>(totals.subscriptions);
    announcement.draining = view_.draining.load();
    return announcement;
  };
  return std::make_unique<hub::Cluster>(*bus_, router_, std::move(options));
}

// --- start -------------------------------------------------------------------------------------------------------

Result<> Gateway::open_port(const Config::Addresses& addresses, std::vector<net::Address>& bound,
                            std::vector<WorkerListeners>& listeners, std::vector<net::Fd> WorkerListeners::*where) {
  for (const ListenAddress& wanted : addresses) {
    auto address = net::parse_address(wanted.host, wanted.port);
    if (!address) {
      return fail(address.error().message);
    }
    if (auto unused = net::check_unused(*address); !unused) {
      return unused;
    }
    for (WorkerListeners& worker : listeners) {
      auto fd = net::listen_on(*address, {});
      if (!fd) {
        return fail(fd.error().message);
      }
      *address = net::local_address(fd->get());  // port 0: the others share what the first one got
      (worker.*where).push_back(std::move(*fd));
    }
    bound.push_back(*address);
  }
  return {};
}

Result<std::vector<WorkerListeners>> Gateway::open_listeners() {
  std::vector<WorkerListeners> listeners(bases_.size());
  auto opened = open_port(config_.client.listen, ports_.client, listeners, &WorkerListeners::client);
  if (opened) {
    opened = open_port(config_.api.listen, ports_.api, listeners, &WorkerListeners::api);
  }
  if (!opened) {
    return fail(opened.error().message);
  }
  return listeners;
}

BoundPorts Gateway::bound_ports() const {
  BoundPorts ports;
  for (const net::Address& address : ports_.client) {
    ports.client.push_back(address.port());
  }
  ports.api_url = fmt::format("{}://{}", config_.api.tls() ? "https" : "http", ports_.api.front().to_string());
  return ports;
}

void Gateway::name_listeners() {
  for (const net::Address& address : ports_.client) {
    listener_lines_.push_back(fmt::format("clients on {}://{}{}", config_.client.tls() ? "wss" : "ws",
                                          address.to_string(), config_.client.path));
  }
  for (const net::Address& address : ports_.api) {
    listener_lines_.push_back(fmt::format("api on {}://{}", config_.api.tls() ? "https" : "http", address.to_string()));
  }
}

Result<> Gateway::start() {
  auto listeners = open_listeners();
  if (!listeners) {
    return fail(listeners.error().message);
  }
  name_listeners();
  const auto sender = net::choose_sender(static_cast<net::IoChoice>(config_.client.io));
  if (!sender) {
    return fail(fmt::format("client.io = \"uring\": {}", sender.error().message));
  }
  view_.io = (*sender)->name();
  const auto settings = make_settings(config_, bound_ports(), static_cast<std::uint32_t>(bases_.size()));
  if (!settings) {
    return fail(settings.error().message);
  }
  for (std::size_t i = 0; i < bases_.size(); ++i) {
    workers_.push_back(std::make_unique<Worker>(*bases_[i], NodeServices{view_, counts_, dispatcher_}, *settings,
                                                std::move((*listeners)[i])));
  }
  if (auto started = bus_->start(dispatcher_, dispatcher_); !started) {
    return started;
  }
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    threads_.emplace_back([worker = workers_[i].get()] { worker->run(); });
    pthread_setname_np(threads_.back().native_handle(), fmt::format("worker-{}", i).c_str());
  }
  log_info("node {} runs: version {}, {} workers, bus {}, io {}", view_.name, view_.version, workers_.size(),
           bus_->name(), view_.io);
  return {};
}

// --- while it runs -----------------------------------------------------------------------------------------------

void Gateway::keep_tls_switched(Config& fresh, std::vector<std::string>& later) const {
  if (fresh.client.tls() != config_.client.tls()) {
    later.emplace_back("client.tls_certificate");
    fresh.client.tls_certificate = config_.client.tls_certificate;
    fresh.client.tls_key = config_.client.tls_key;
  }
  if (fresh.api.tls() != config_.api.tls()) {
    later.emplace_back("api.tls_certificate");
    fresh.api.tls_certificate = config_.api.tls_certificate;
    fresh.api.tls_key = config_.api.tls_key;
    fresh.api.tls_client_ca = config_.api.tls_client_ca;
  }
}

Result<> Gateway::reload(Config fresh) {
  std::vector<std::string> later = needs_restart(config_, fresh);
  keep_tls_switched(fresh, later);
  // What needs a restart stays as it is, so that the running node and its settings agree. Old and new together have to
  // obey the rules again: keys that go away may leave a public listener open, for example.
  fresh.node = config_.node;
  fresh.client.listen = config_.client.listen;
  fresh.client.path = config_.client.path;
  fresh.client.io = config_.client.io;
  fresh.api.listen = config_.api.listen;
  fresh.auth.mode = config_.auth.mode;
  fresh.bus = config_.bus;
  LoadResult merged;
  merged.config = fresh;
  check_rules(merged);
  if (!merged.mistakes.empty()) {
    return fail(fmt::format("together with what cannot change while running: {}", mistakes_text(merged)));
  }
  const auto settings = make_settings(fresh, bound_ports(), static_cast<std::uint32_t>(bases_.size()));
  if (!settings) {
    return fail(settings.error().message);
  }
  for (const std::string& key : later) {
    log_warning("reload: {} has changed and needs a restart", key);
  }
  config_ = std::move(fresh);
  dedup_.set_limits(config_.dedup.window.count(), config_.dedup.max_ids);
  set_log_level(config_.log.level);
  for (std::uint32_t worker = 0; worker < router_.worker_count(); ++worker) {
    router_.post(worker, hub::Reconfigure{*settings});
  }
  view_.reload_ok.store(true);
  return {};
}

void Gateway::drain() {
  view_.draining.store(true);
  const double rate = static_cast<double>(config_.drain.rate) / static_cast<double>(bases_.size());
  for (std::uint32_t worker = 0; worker < router_.worker_count(); ++worker) {
    router_.post(worker, hub::Drain{rate});
  }
}

bool Gateway::drained() const {
  const auto workers_are = [this] {
    return std::all_of(bases_.begin(), bases_.end(),
                       [](const auto& base) { return base->drained.load(std::memory_order_acquire); });
  };
  // A client that was let in just before the drain may be on its way to its worker: it holds a place until its session
  // ends. Once every worker has heard of the drain no place is taken any more; so the places are looked at after that,
  // and then the workers again, since a session that has given its place back may still be writing.
  return workers_are() && counts_.admission.empty() && workers_are();
}

void Gateway::leave() {
  if (cluster_ != nullptr) {
    cluster_->leave();
  }
}

// The bus first: what it has not confirmed is told to the workers, whose last act is to pass that on, and nothing comes
// after them.
void Gateway::stop() {
  bus_->stop();
  for (const auto& base : bases_) {
    base->loop.request_stop();
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
  workers_.clear();
}

}  // namespace pushwire::server
