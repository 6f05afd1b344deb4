#include "node.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <charconv>

#include "api/metrics_page.h"
#include "base/check.h"
#include "clock.h"
#include "server/config_load.h"

namespace pushwire::wire {
namespace {

// A listening socket with a name of the kernel's choice that is in no file system.
net::Fd listen_locally() {
  net::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_un any{.sun_family = AF_UNIX, .sun_path = {}};
  PW_CHECK(fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any.sun_family) == 0);
  PW_CHECK(::listen(fd.get(), 16) == 0);
  return fd;
}

}  // namespace

Result<NodeSettings> make_node_settings(std::vector<std::string> overrides) {
  overrides.insert(overrides.begin(), {"node.name=n1", fmt::format("auth.hmac_secret={}", kSecret), "log.level=error"});
  auto loaded = server::load_config({.file = std::nullopt, .overrides = std::move(overrides), .environment = {}});
  if (!loaded.good()) {
    return fail(loaded.mistakes.front().message());
  }
  NodeSettings settings;
  settings.config = std::move(loaded.config);
  auto worker = server::make_settings(settings.config, {{8000}, "http://127.0.0.1:8001"}, 1);
  if (!worker) {
    return fail(worker.error().message);
  }
  settings.worker = std::move(*worker);
  return settings;
}

Node::Node(const NodeSettings& settings)
    : settings_(settings),
      dedup_(settings.config.dedup.window.count(), settings.config.dedup.max_ids),
      base_(0, settings.config.node.mailbox_bytes),
      router_({&base_.mailbox}),
      dispatcher_(bus_, router_, dedup_) {
  view_.name = settings.config.node.name;
  view_.version = "test";
  view_.commit = "test";
  view_.io = "epoll";
  view_.started_at = wall_ms();
  view_.workers.push_back({&base_.stats, &base_.mailbox, &base_.loop});
  view_.counts = &counts_;
  view_.dispatcher = &dispatcher_;
  view_.dedup = &dedup_;
  view_.bus = &bus_;
  server::WorkerListeners listeners;
  listeners.api.push_back(listen_locally());
  api_listener_ = listeners.api.front().get();
  worker_ = std::make_unique<server::Worker>(base_, server::NodeServices{view_, counts_, dispatcher_}, settings.worker,
                                             std::move(listeners));
  const auto started = bus_.start(dispatcher_, dispatcher_);
  PW_CHECK(started.has_value());
}

Node::~Node() {
  bus_.stop();
}

void Node::turn() {
  base_.loop.turn(*worker_, 0);
}

net::Fd Node::connect_client() {
  std::array<int, 2> ends{};
  PW_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  if (const int size = settings_.send_buffer_bytes; size != 0) {
    PW_CHECK(::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
  }
  worker_->adopt_client(net::Fd(ends[0]));
  return net::Fd(ends[1]);
}

net::Fd Node::connect_api() {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  PW_CHECK(::getsockname(api_listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  net::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  PW_CHECK(fd && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  return fd;
}

void Node::drain() {
  view_.draining.store(true);
  router_.post(0, hub::Drain{static_cast<double>(settings_.config.drain.rate)});
}

std::optional<double> Node::metric(std::string_view series) const {
  const std::string page = api::metrics_page(view_).body;
  const std::string line = fmt::format("\n{} ", series);
  const std::size_t at = page.find(line);
  if (at == page.npos) {
    return std::nullopt;
  }
  double value = 0;
  std::from_chars(page.data() + at + line.size(), page.data() + page.size(), value);
  return value;
}

std::string Node::leftovers() const {
  const api::NodeTotals totals = api::totals_of(view_);
  std::string out;
  const auto note = [&out](std::string_view what, std::int64_t count) {
    if (count != 0) {
      out += fmt::format(" {}={}", what, count);
    }
  };
  note("connections", totals.connections);
  note("users", totals.users);
  note("subscriptions", totals.subscriptions);
  note("pending_handshakes", totals.pending_handshakes);
  note("topics", static_cast<std::int64_t>(counts_.topics.topics()));
  note("outbox_bytes", base_.stats.outbox_bytes.value());
  note("mailbox_bytes", static_cast<std::int64_t>(base_.mailbox.bytes()));
  note("admitted", counts_.admission.full(1) ? 1 : 0);
  return out;
}

}  // namespace pushwire::wire
