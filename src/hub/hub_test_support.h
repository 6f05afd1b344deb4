// For tests only: one worker's hub with its mailbox and turn, and clients connected to it. One thread.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bus/envelope.h"
#include "hub/local_hub.h"
#include "hub/router.h"
#include "session/session_test_support.h"

namespace pushwire::hub::test {

using session::test::Client;

// Tests with a thousand clients need two thousand descriptors. Returns how many there may be.
inline std::size_t allow_many_descriptors() {
  rlimit limit{};
  PW_CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  PW_CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  return limit.rlim_cur;
}

inline bus::Envelope envelope_to(bus::EnvelopeKind kind, std::string key, std::string id = "m1") {
  bus::Envelope envelope;
  envelope.kind = kind;
  envelope.key = std::move(key);
  envelope.id = std::move(id);
  envelope.payload = "1";
  envelope.born_ms = wall_ms();
  envelope.received_ns = monotonic_ns();
  return envelope;
}

// The frame that a plain client gets of envelope_to(), as session::test::describe() tells it.
inline std::string message_text(std::string_view id, std::string_view topic = {}) {
  std::string text = R"(text {"type":"message","id":")" + std::string(id);
  if (!topic.empty()) {
    text.append(R"(","topic":")").append(topic);
  }
  return text + R"(","data":1})";
}

struct Device {
  Client client;
  session::ChannelSession* session;  // null when it was refused
};

// What a client asks for in its handshake.
struct Wishes {
  std::vector<std::string> topics = {};
  std::vector<std::string> patterns = {"*"};
  session::MessageFormat format = session::MessageFormat::kPlain;
  std::string leftover = {};
  std::string device = {};
};

class Worker final : private net::TurnHandler {
 public:
  explicit Worker(HubOptions options = {}, std::size_t mailbox_bytes = 1'000'000)
      : mailbox(loop, mailbox_bytes), router({&mailbox}, &node), hub(loop, stats, mailbox, node, std::move(options)) {}

  Device connect(std::string_view user, Wishes wishes = {}) {
    session::test::SocketPair sockets = session::test::make_sockets(SOCK_STREAM, 0);
    Device device{Client(sockets.client), nullptr};
    auto upgrade =
        std::make_unique<session::PendingUpgrade>(session::test::upgrade_for(user, std::move(sockets.server)));
    // An empty pong stands for the 101 answer, so that all that a client gets is frames.
    upgrade->response = wishes.format == session::MessageFormat::kRaw ? std::string("\x8a\0", 2) : "";
    upgrade->topics = std::move(wishes.topics);
    upgrade->patterns = std::move(wishes.patterns);
    upgrade->format = wishes.format;
    upgrade->leftover = std::move(wishes.leftover);
    upgrade->device = std::move(wishes.device);
    PW_CHECK(node.admission.enter(0));
    if (hub.adopt(std::move(upgrade)) == nullptr && hub.sessions().find_user(user) != nullptr) {
      device.session = hub.sessions().find_user(user)->oldest();
      while (device.session->newer() != nullptr) {
        device.session = device.session->newer();
      }
    }
    return device;
  }
  // Connects, and takes the welcome away.
  Device welcomed(std::string_view user, Wishes wishes = {}) {
    Device device = connect(user, std::move(wishes));
    turn();
    (void)device.client.frames();
    return device;
  }
  // By mailbox, as the bus would.
  void push(const bus::Envelope& envelope) { PW_CHECK(router.deliver(envelope) == RouteStatus::kAccepted); }
  void turn(int wait_ms = 0) { loop.turn(*this, wait_ms); }
  // Turns until no wide push is waiting.
  void finish() {
    turn();
    for (int i = 0; i < 1000 && hub.has_work(); ++i) {
      turn();
    }
  }
  std::uint64_t drops(metrics::DropReason reason) const { return stats.drops[metrics::index_of(reason)].value(); }
  std::uint64_t disconnects(protocol::Disconnect why) const {
    return stats.disconnects[static_cast<std::size_t>(why)].value();
  }

  net::EventLoop loop;
  metrics::WorkerStats stats;
  NodeCounts node;
  WorkerMailbox mailbox;
  Router router;
  LocalHub hub;

 private:
  void drain_mail() override {
    mailbox.drain([this](WorkerMail&& mail) {
      if (auto* deliver = std::get_if<Deliver>(&mail)) {
        hub.deliver(std::move(*deliver));
      }
    });
  }
  void on_timers(MonotonicMs now) override { loop.timers().expire(now); }
  void flush() override {
    hub.step();
    hub.sessions().flush();
    hub.settle();
  }
  void destroy_closed() override { hub.sessions().destroy_closed(); }
  bool has_work() const override { return hub.has_work(); }
};

}  // namespace pushwire::hub::test
