// What an operator sees when a setting is wrong, and what a bus does when the network fails at any moment.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "adapters.h"
#include "cluster.h"
#include "fault_proxy.h"

namespace pushwire::bus {
namespace {

using namespace std::chrono_literals;

std::size_t count_in(const char* folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    (void)entry;
    ++count;
  }
  return count;
}

class FaultContract : public testing::TestWithParam<Adapter> {
 protected:
  BusServer& server() { return guarded_server(GetParam()); }

  // A node with these settings does not come up, and says to look at `key`.
  static void expect_reason(const Settings& settings, const std::string& key) {
    Node node(settings, "n1");
    node.open();
    EXPECT_TRUE(eventually([&] { return node.bus().health().reason.find(key) != std::string::npos; }, 15s))
        << "not named: " << key << " in: " << node.bus().health().reason;
    EXPECT_FALSE(node.bus().health().up);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(node.publish_and_wait(envelope_to(EnvelopeKind::kUser, "alice", "n1-0")), PublishOutcome::kUnavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, settings.publish_timeout + 1s);
  }
  static void set_password(Settings& settings, const std::string& password) {
    settings.redis.password = settings.nats.password = settings.kafka.password = settings.rocketmq.secret_key =
        password;
  }
  std::vector<int> proxied_ports() {
    std::vector<int> ports{server().ports().at("port")};
    if (server().ports().count("broker") != 0) {
      ports.push_back(server().ports().at("broker"));
    }
    return ports;
  }
  Settings settings_through_proxy() {
    Settings settings = fresh_settings(GetParam(), server());
    if (!GetParam().topic_key().empty()) {
      settings.name_space = Settings().name_space;  // the topic that is there
    }
    return through_proxy(settings, server());
  }
};

TEST_P(FaultContract, AWrongAddressIsNamedWithItsSetting) {
  const net::Fd closed(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));  // bound, so nobody else listens there
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(closed.get(), reinterpret_cast<const sockaddr*>(&at), size), 0);
  ASSERT_EQ(::getsockname(closed.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
  Settings settings = fresh_settings(GetParam(), server());
  set_address(settings, "127.0.0.1:" + std::to_string(ntohs(at.sin_port)));
  expect_reason(settings, GetParam().address_key());
}

TEST_P(FaultContract, AWrongPasswordIsNamedWithItsSetting) {
  if (GetParam().password_key().empty()) {
    return;  // it has no such setting
  }
  FaultProxy proxy(proxied_ports());
  Settings settings = settings_through_proxy();
  set_password(settings, "wrong");
  expect_reason(settings, GetParam().password_key());
}

TEST_P(FaultContract, AWrongAuthorityIsNamedWithItsSetting) {
  if (GetParam().password_key().empty()) {
    return;
  }
  FaultProxy proxy(proxied_ports());
  Settings settings = settings_through_proxy();
  settings.redis.tls_ca = settings.nats.tls_ca = settings.kafka.tls_ca = settings.rocketmq.tls_ca = "";  // the system's
  const std::string key = GetParam().address_key();
  expect_reason(settings, key.substr(0, key.rfind('.')) + ".tls");
}

TEST_P(FaultContract, AMissingTopicIsNamedWithItsSettingWhereNoneMayBeCreated) {
  if (GetParam().topic_key().empty()) {
    return;
  }
  FaultProxy proxy(proxied_ports());
  Settings settings = settings_through_proxy();
  settings.rocketmq.topic = settings.kafka.topic = "missing";
  expect_reason(settings, GetParam().topic_key());
}

TEST_P(FaultContract, IsWholeAgainWhereverTheConnectionIsCut) {
  FaultProxy proxy(proxied_ports());
  for (std::size_t chunks = 0; chunks < 16; ++chunks) {
    SCOPED_TRACE("cut after " + std::to_string(chunks) + " chunks");
    Node node(settings_through_proxy(), "n1");
    proxy.cut_after(chunks);
    node.open();
    const std::uint64_t early = node.publish(envelope_to(EnvelopeKind::kUser, "alice", "n1-0"));
    ASSERT_TRUE(eventually([&] { return proxy.has_cut() || node.bus().health().up; }, 10s));
    for (int i = 1; i < 100 && !proxy.has_cut(); ++i) {
      const std::uint64_t call = node.publish(envelope_to(EnvelopeKind::kUser, "alice", "n1-" + std::to_string(i)));
      EXPECT_TRUE(eventually([&] { return proxy.has_cut() || node.is_told(call); }));
    }
    EXPECT_TRUE(proxy.has_cut());
    proxy.heal();
    EXPECT_TRUE(node.await_up()) << node.bus().health().reason;
    (void)node.outcome(early);
    const std::string last = "last" + std::to_string(chunks) + "-1";
    EXPECT_EQ(node.publish_and_wait(envelope_to(EnvelopeKind::kUser, "bob", last)), PublishOutcome::kAccepted);
    EXPECT_TRUE(eventually([&] { return lacking(node, {last}).empty(); }));
    (void)ids_in_order(node);
    EXPECT_TRUE(eventually([&] { return node.counters().waiting_bytes == 0; }));
  }
}

TEST_P(FaultContract, StopsInTimeAndLeavesNothingBehindWhereverTheConnectionIsCut) {
  FaultProxy proxy(proxied_ports());
  Node(settings_through_proxy(), "warm").start();  // what a library keeps for the whole process
  std::size_t descriptors = 0;
  std::size_t threads = 0;
  for (std::size_t chunks = 0; chunks < 12; ++chunks) {
    SCOPED_TRACE("cut after " + std::to_string(chunks) + " chunks");
    {
      Node node(settings_through_proxy(), "n1");
      proxy.cut_after(chunks);
      node.open();
      const std::uint64_t early = node.publish(envelope_to(EnvelopeKind::kUser, "alice", "n1-0"));
      EXPECT_TRUE(eventually([&] { return proxy.has_cut() || node.bus().health().up; }, 10s));
      const auto begin = std::chrono::steady_clock::now();
      node.stop();
      EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
      (void)node.outcome(early);
    }
    proxy.heal();
    if (chunks == 0) {
      EXPECT_TRUE(eventually([&] { return count_in("/proc/self/task") <= 4; }, 5s));
      descriptors = count_in("/proc/self/fd");
      threads = count_in("/proc/self/task");
    }
    EXPECT_TRUE(eventually([&] { return count_in("/proc/self/fd") <= descriptors; }, 5s)) << "descriptors leak";
    EXPECT_TRUE(eventually([&] { return count_in("/proc/self/task") <= threads; }, 5s)) << "threads leak";
  }
}

INSTANTIATE_TEST_SUITE_P(Adapters, FaultContract, testing::ValuesIn(adapters_with_servers()),
                         [](const auto& adapter) { return adapter.param.name; });

}  // namespace
}  // namespace pushwire::bus
