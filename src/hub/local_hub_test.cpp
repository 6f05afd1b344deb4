#include "hub/local_hub.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "hub/hub_test_support.h"

namespace pushwire::hub {
namespace {

using bus::Envelope;
using bus::EnvelopeKind;
using protocol::Disconnect;
using test::Device;
using test::Worker;
using Frames = std::vector<std::string>;

HubOptions with_node() {
  HubOptions options;
  options.node = "n1";
  options.session.heartbeat_interval = 25'000;
  return options;
}

std::string subscribe(std::string_view topic) {
  return R"({"type":"subscribe","topic":")" + std::string(topic) + "\"}";
}
std::string unsubscribe(std::string_view topic) {
  return R"({"type":"unsubscribe","topic":")" + std::string(topic) + "\"}";
}
std::string told(std::string_view type, std::string_view topic) {
  return R"(text {"type":")" + std::string(type) + R"(","topic":")" + std::string(topic) + "\"}";
}

// The frame without the words for people: "error topic_limit t".
std::string error_in(const std::string& frame) {
  const auto value = [&](const std::string& key) {
    const std::size_t at = frame.find("\"" + key + "\":\"");
    return at == std::string::npos
               ? std::string()
               : frame.substr(at + key.size() + 4, frame.find('"', at + key.size() + 4) - at - key.size() - 4);
  };
  return value("type") + " " + value("code") + " " + value("topic");
}

TEST(LocalHub, WelcomesWithSessionUserNodeHeartbeatAndTopics) {
  Worker worker(with_node());
  Device alice = worker.connect("al\"ice", {.topics = {"a", "b"}});
  ASSERT_NE(alice.session, nullptr);
  worker.turn();
  EXPECT_EQ(alice.client.frames(),
            Frames{R"(text {"type":"welcome","session":")" + alice.session->id().to_string() +
                   R"(","user":"al\"ice","node":"n1","heartbeat_ms":25000,"topics":["a","b"]})"});
  EXPECT_EQ(worker.stats.subscriptions.value(), 2);
  EXPECT_EQ(worker.node.topics.topics(), 2U);
  EXPECT_EQ(worker.stats.handshakes[metrics::index_of(metrics::HandshakeResult::kAccepted)].value(), 1U);
}

TEST(LocalHub, ReadsWhatTheClientSentBehindItsHandshake) {
  Worker worker;
  Device alice = worker.connect("alice", {.leftover = test::Client::frame(0x81, subscribe("a"))});
  worker.turn();
  const Frames frames = alice.client.frames();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_TRUE(frames[0].starts_with(R"(text {"type":"welcome")"));
  EXPECT_EQ(frames[1], told("subscribed", "a"));
}

TEST(LocalHub, ReachesEverySessionOfAUserAndNobodyElse) {
  Worker worker;
  Device phone = worker.welcomed("alice");
  Device tablet = worker.welcomed("alice");
  Device bob = worker.welcomed("bob");
  worker.push(test::envelope_to(EnvelopeKind::kUser, "alice", "m1"));
  worker.push(test::envelope_to(EnvelopeKind::kUser, "carol", "m2"));
  worker.push(test::envelope_to(EnvelopeKind::kSession, tablet.session->id().to_string(), "m3"));
  worker.push(test::envelope_to(EnvelopeKind::kSession, std::string(22, 'A'), "m4"));
  Envelope users = test::envelope_to(EnvelopeKind::kUsers, "", "m5");
  users.users = {"bob", "carol", "alice"};
  worker.push(users);
  worker.turn();
  EXPECT_EQ(phone.client.frames(), (Frames{test::message_text("m1"), test::message_text("m5")}));
  EXPECT_EQ(tablet.client.frames(),
            (Frames{test::message_text("m1"), test::message_text("m3"), test::message_text("m5")}));
  EXPECT_EQ(bob.client.frames(), Frames{test::message_text("m5")});
  EXPECT_EQ(worker.stats.deliveries.value(), 6U);
  EXPECT_EQ(worker.mailbox.bytes(), 0U);
}

TEST(LocalHub, TheNodeKnowsWhoIsHereUntilTheLastSessionLeaves) {
  Worker worker;
  const std::uint64_t alice = hash_name("alice");
  EXPECT_FALSE(worker.node.users.may_have(alice));
  Device phone = worker.connect("alice", {.topics = {"t"}});
  Device tablet = worker.connect("alice");
  const std::uint64_t session = phone.session->id().hash();
  EXPECT_TRUE(worker.node.users.may_have(alice));
  EXPECT_TRUE(worker.node.sessions.may_have(session));
  EXPECT_TRUE(worker.node.topics.may_have(hash_name("t")));
  phone.session->close(Disconnect::kKicked);
  EXPECT_FALSE(worker.node.sessions.may_have(session));
  EXPECT_FALSE(worker.node.topics.may_have(hash_name("t")));
  EXPECT_TRUE(worker.node.users.may_have(alice));
  tablet.session->close(Disconnect::kKicked);
  EXPECT_FALSE(worker.node.users.may_have(alice));
}

TEST(LocalHub, MeasuresAPushOnlyWhenASocketGotIt) {
  Worker worker;
  Device alice = worker.welcomed("alice");
  const auto observed = [&] {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i <= metrics::Histogram::kBoundsSeconds.size(); ++i) {
      sum += worker.stats.push_seconds.bucket(i);
    }
    return sum;
  };
  worker.push(test::envelope_to(EnvelopeKind::kUser, "nobody"));
  worker.turn();
  EXPECT_EQ(observed(), 0U);
  worker.push(test::envelope_to(EnvelopeKind::kUser, "alice"));
  worker.push(test::envelope_to(EnvelopeKind::kAll, ""));
  worker.finish();
  EXPECT_EQ(observed(), 2U);
}

TEST(LocalHub, ClosesASlowDeviceWhileGivingToItsUserAndServesTheOthers) {
  HubOptions options;
  options.session.outbox_hard_bytes = 1000;
  Worker worker(options);
  Device first = worker.welcomed("alice");
  Device slow = worker.welcomed("alice");
  Device last = worker.welcomed("alice");
  Envelope big = test::envelope_to(EnvelopeKind::kUser, "alice", "big");
  big.payload = "\"" + std::string(300'000, 'x') + "\"";
  worker.push(big);
  worker.turn();
  for (Device* device : {&first, &last}) {  // these two read on, the slow one does not
    EXPECT_TRUE(
        session::test::turn_until([&] { worker.turn(); }, 2000, [&] { return !device->client.frames().empty(); }));
  }
  worker.push(test::envelope_to(EnvelopeKind::kUser, "alice", "next"));
  worker.turn();
  EXPECT_EQ(worker.disconnects(Disconnect::kSlowClient), 1U);
  EXPECT_EQ(worker.hub.sessions().find_user("alice")->count(), 2U);
  EXPECT_EQ(first.client.frames().back(), test::message_text("next"));
  EXPECT_EQ(last.client.frames().back(), test::message_text("next"));
}

// --- topics ------------------------------------------------------------------------------------------------------

TEST(LocalHub, ObeysSubscribeAndUnsubscribe) {
  Worker worker;
  Device alice = worker.welcomed("alice");
  for (const std::string& text :
       {subscribe("a"), subscribe("a"), unsubscribe("b"), unsubscribe("a"), unsubscribe("a"), subscribe("a")}) {
    alice.client.text(text);
  }
  worker.turn();
  EXPECT_EQ(alice.client.frames(),
            (Frames{told("subscribed", "a"), told("subscribed", "a"), told("unsubscribed", "b"),
                    told("unsubscribed", "a"), told("unsubscribed", "a"), told("subscribed", "a")}));
  EXPECT_EQ(worker.stats.subscriptions.value(), 1);
  worker.push(test::envelope_to(EnvelopeKind::kTopic, "a", "m1"));
  worker.push(test::envelope_to(EnvelopeKind::kTopic, "b", "m2"));
  worker.finish();
  EXPECT_EQ(alice.client.frames(), Frames{test::message_text("m1", "a")});
}

TEST(LocalHub, AllowsTopicsByConfigurationAndByToken) {
  HubOptions options;
  options.topics = session::TopicPermissions::make({"public.*"}).value();
  Worker worker(options);
  Device alice = worker.welcomed("alice", {.patterns = {"own"}});
  Device bob = worker.welcomed("bob", {.patterns = {}});
  for (Device* device : {&alice, &bob}) {
    for (const std::string topic : {"public.1", "own", "other"}) {
      device->client.text(subscribe(topic));
    }
  }
  worker.turn();
  Frames frames = alice.client.frames();
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0], told("subscribed", "public.1"));
  EXPECT_EQ(frames[1], told("subscribed", "own"));
  EXPECT_EQ(error_in(frames[2]), "error topic_forbidden other");
  frames = bob.client.frames();
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(error_in(frames[1]), "error topic_forbidden own");
  EXPECT_EQ(worker.stats.subscriptions.value(), 3);
}

TEST(LocalHub, LimitsTopicsPerConnectionButConfirmsThoseItHas) {
  HubOptions options;
  options.session.max_topics_per_connection = 2;
  Worker worker(options);
  Device alice = worker.welcomed("alice", {.topics = {"a", "b"}});
  alice.client.text(subscribe("c"));
  alice.client.text(subscribe("a"));
  alice.client.text(unsubscribe("b"));
  alice.client.text(subscribe("c"));
  worker.turn();
  const Frames frames = alice.client.frames();
  ASSERT_EQ(frames.size(), 4U);
  EXPECT_EQ(error_in(frames[0]), "error topic_limit c");
  EXPECT_EQ(frames[1], told("subscribed", "a"));
  EXPECT_EQ(frames[3], told("subscribed", "c"));
}

TEST(LocalHub, ForgetsTheSubscriptionsOfWhoLeaves) {
  Worker worker;
  Device alice = worker.welcomed("alice", {.topics = {"a", "b"}});
  Device bob = worker.welcomed("bob", {.topics = {"b"}});
  alice.client.close(1000);
  worker.turn();
  EXPECT_EQ(worker.stats.subscriptions.value(), 1);
  EXPECT_EQ(worker.node.topics.topics(), 1U);
  EXPECT_EQ(std::get<Count>(worker.hub.answer(CountSubscribers{"b"})).count, 1U);
  EXPECT_EQ(std::get<Count>(worker.hub.answer(CountSubscribers{"a"})).count, 0U);
  worker.push(test::envelope_to(EnvelopeKind::kTopic, "b"));
  worker.finish();
  EXPECT_EQ(bob.client.frames().size(), 1U);
}

// --- admission ---------------------------------------------------------------------------------------------------

TEST(LocalHub, GivesAClientBackWhoseUserHasTooMany) {
  HubOptions options;
  options.session.max_connections_per_user = 1;
  options.session.on_limit = session::LimitPolicy::kRejectNew;
  Worker worker(options);
  Device alice = worker.connect("alice");
  session::test::SocketPair sockets = session::test::make_sockets(SOCK_STREAM, 0);
  test::Client second(sockets.client);
  auto upgrade =
      std::make_unique<session::PendingUpgrade>(session::test::upgrade_for("alice", std::move(sockets.server)));
  upgrade->topics = {"a"};
  ASSERT_TRUE(worker.node.admission.enter(0));
  upgrade = worker.hub.adopt(std::move(upgrade));
  ASSERT_NE(upgrade, nullptr);
  EXPECT_TRUE(upgrade->fd);
  EXPECT_EQ(worker.stats.subscriptions.value(), 0);
  EXPECT_FALSE(worker.node.admission.full(2)) << "its place is free again";
  EXPECT_TRUE(worker.node.admission.full(1));
}

TEST(LocalHub, DisplacesTheOldestAndGivesItsPlaceBack) {
  HubOptions options;
  options.session.max_connections_per_user = 1;
  Worker worker(options);
  Device old = worker.welcomed("alice", {.topics = {"a"}});
  Device fresh = worker.welcomed("alice", {.topics = {"a"}});
  EXPECT_EQ(old.client.frames(), Frames{"close 4501 displaced by a newer connection"});
  EXPECT_EQ(worker.stats.subscriptions.value(), 1);
  EXPECT_FALSE(worker.node.admission.full(2));
  worker.push(test::envelope_to(EnvelopeKind::kTopic, "a", "m1"));
  worker.finish();
  EXPECT_EQ(fresh.client.frames(), Frames{test::message_text("m1", "a")});
}

// --- questions ---------------------------------------------------------------------------------------------------

TEST(LocalHub, ListsTheSessionsOfAUser) {
  Worker worker;
  Device phone = worker.welcomed("alice", {.topics = {"a", "b"}, .device = "phone"});
  Device tablet = worker.welcomed("alice");
  const auto list = std::get<SessionList>(worker.hub.answer(ListSessions{"alice"})).sessions;
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].session, phone.session->id());
  EXPECT_EQ(list[0].device, "phone");
  EXPECT_EQ(list[0].topics, (std::vector<std::string>{"a", "b"}));
  EXPECT_GT(list[0].connected_at, 0);
  EXPECT_GT(list[0].last_seen_at, 0);
  EXPECT_EQ(list[1].device, "");
  EXPECT_TRUE(list[1].topics.empty());
  EXPECT_TRUE(std::get<SessionList>(worker.hub.answer(ListSessions{"nobody"})).sessions.empty());
}

TEST(LocalHub, KicksOneSessionOrAll) {
  Worker worker;
  std::deque<Device> devices;
  for (int i = 0; i < 3; ++i) {
    devices.push_back(worker.welcomed("alice"));
  }
  Device bob = worker.welcomed("bob");
  const auto kick = [&](const KickUser& question) { return std::get<Count>(worker.hub.answer(question)).count; };
  EXPECT_EQ(kick({"alice", bob.session->id()}), 0U) << "a session of somebody else";
  EXPECT_EQ(kick({"alice", devices[1].session->id()}), 1U);
  EXPECT_EQ(kick({"alice", std::nullopt}), 2U);
  EXPECT_EQ(kick({"alice", std::nullopt}), 0U);
  worker.turn();
  for (Device& device : devices) {
    EXPECT_EQ(device.client.frames(), Frames{"close 3503 kicked"});
  }
  EXPECT_TRUE(bob.client.frames().empty());
}

// --- drain -------------------------------------------------------------------------------------------------------

TEST(LocalHub, SaysGoodbyeAtTheGivenPaceAndAtOnceToNewcomers) {
  Worker worker;
  std::deque<Device> devices;
  for (int i = 0; i < 40; ++i) {
    devices.push_back(worker.welcomed("user" + std::to_string(i)));
  }
  EXPECT_FALSE(worker.hub.drained());
  const MonotonicMs begin = worker.loop.now();
  worker.hub.drain(50);
  Device late = worker.connect("late");
  worker.turn();
  const Frames frames = late.client.frames();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_TRUE(frames[0].starts_with(R"(text {"type":"welcome")"));
  EXPECT_EQ(frames[1], "close 3001 shutdown");
  late.client.close(3001);

  std::size_t told_now = 0;
  EXPECT_TRUE(session::test::turn_until([&] { worker.turn(10); }, 5000,
                                        [&] {
                                          for (Device& device : devices) {
                                            for (const std::string& frame : device.client.frames()) {
                                              EXPECT_EQ(frame, "close 3001 shutdown");
                                              ++told_now;
                                              device.client.close(3001);
                                            }
                                          }
                                          const double allowed =
                                              50.0 * static_cast<double>(worker.loop.now() - begin) / 1000.0;
                                          EXPECT_LE(static_cast<double>(told_now), allowed + 1);
                                          return worker.hub.drained();
                                        }));
  EXPECT_EQ(told_now, 40U);
  EXPECT_GE(worker.loop.now() - begin, 750);
  EXPECT_EQ(worker.disconnects(Disconnect::kShutdown), 41U);
}

TEST(LocalHub, IsDrainedWhenNobodyIsThere) {
  Worker worker;
  worker.hub.drain(10);
  EXPECT_TRUE(worker.hub.drained());
}

TEST(LocalHub, ObeysNewOptions) {
  Worker worker;
  HubOptions options;
  options.topics = session::TopicPermissions::make({"a"}).value();
  options.session.max_connections_per_user = 1;
  Device alice = worker.welcomed("alice", {.patterns = {}});
  worker.hub.set_options(options);
  alice.client.text(subscribe("a"));
  worker.turn();
  EXPECT_EQ(alice.client.frames(), Frames{told("subscribed", "a")});
  Device second = worker.welcomed("alice");
  EXPECT_EQ(alice.client.frames(), Frames{"close 4501 displaced by a newer connection"});
}

}  // namespace
}  // namespace pushwire::hub
