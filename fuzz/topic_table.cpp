// Fuzzes TopicTable with byte-coded actions against a model that is as plain as can be: a list of subscribers for each
// topic. Walks are under way while sessions come and go. libFuzzer entry; one thread.
//
// Input: two bytes an action. Byte 0: what (low 3 bits) and which walk or topic (the rest); byte 1: which session.
#include "hub/topic_table.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "session/session_test_support.h"

namespace {

using pushwire::hub::TopicTable;
using pushwire::session::ChannelSession;
using pushwire::session::test::Bench;
using pushwire::session::test::Client;

constexpr std::size_t kSessions = 12;
constexpr std::size_t kTopics = 4;
constexpr std::size_t kWalks = 4;

// The sessions are made once; their subscriptions are gone at the end of each run.
struct People {
  People() {
    for (std::size_t i = 0; i < kSessions; ++i) {
      auto sockets = pushwire::session::test::make_sockets(SOCK_STREAM, 0);
      clients.push_back(std::make_unique<Client>(sockets.client));
      sessions.push_back(bench.admit("user" + std::to_string(i), sockets));
    }
  }
  Bench bench;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<ChannelSession*> sessions;
};

struct Walk {
  TopicTable::Walk walk;
  std::size_t topic;
  std::vector<ChannelSession*> due;  // who was there when it began and has not left, in order
};

class Run final : pushwire::hub::TopicWatcher {
 public:
  explicit Run(People& people) : people_(people) {}

  void act(std::uint8_t what, std::uint8_t who) {
    ChannelSession& session = *people_.sessions[who % kSessions];
    const std::size_t which = what >> 3;
    switch (what & 7U) {
      case 0:
      case 1:
        subscribe(session, which % kTopics);
        break;
      case 2:
        unsubscribe(session, which % kTopics);
        break;
      case 3:
        remove_all(session);
        break;
      case 4:
        begin_walk(which % kTopics, walks_[who % kWalks]);
        break;
      case 5:
      case 6:
        step(walks_[which % kWalks]);
        break;
      default:
        end_walk(walks_[which % kWalks]);
        break;
    }
    compare();
  }
  void finish() {
    for (auto& walk : walks_) {
      end_walk(walk);
    }
    for (ChannelSession* session : people_.sessions) {
      remove_all(*session);
    }
    PW_CHECK(table_.size() == 0);
    PW_CHECK(present_.empty());
  }

 private:
  using List = std::vector<ChannelSession*>;

  static std::string name(std::size_t topic) { return std::string(1, static_cast<char>('a' + topic)); }
  bool has(std::size_t topic, ChannelSession& session) const {
    const List& list = model_[topic];
    return std::find(list.begin(), list.end(), &session) != list.end();
  }
  void subscribe(ChannelSession& session, std::size_t topic) {
    const bool fresh = table_.subscribe(session, name(topic)) == TopicTable::Subscribed::kNew;
    PW_CHECK(fresh == !has(topic, session));
    if (fresh) {
      model_[topic].push_back(&session);
    }
  }
  void forget(ChannelSession& session, std::size_t topic) {
    std::erase(model_[topic], &session);
    for (auto& walk : walks_) {
      if (walk && walk->topic == topic) {
        std::erase(walk->due, &session);
      }
    }
  }
  void unsubscribe(ChannelSession& session, std::size_t topic) {
    PW_CHECK(table_.unsubscribe(session, name(topic)) == has(topic, session));
    forget(session, topic);
  }
  void remove_all(ChannelSession& session) {
    std::size_t expected = 0;
    for (std::size_t topic = 0; topic < kTopics; ++topic) {
      expected += has(topic, session) ? 1 : 0;
      forget(session, topic);
    }
    PW_CHECK(table_.remove_all(session) == expected);
    PW_CHECK(session.subscriptions() == nullptr);
  }
  void begin_walk(std::size_t topic, std::optional<Walk>& place) {
    if (place) {
      return;
    }
    const auto begun = table_.begin_walk(name(topic));
    PW_CHECK(begun.has_value() == !model_[topic].empty());
    if (begun) {
      const std::set<ChannelSession*> there(model_[topic].begin(), model_[topic].end());
      place = Walk{*begun, topic, List(there.begin(), there.end())};
    }
  }
  void step(std::optional<Walk>& walk) {
    if (!walk) {
      return;
    }
    ChannelSession* session = table_.next(walk->walk);
    if (session == nullptr) {
      PW_CHECK(walk->due.empty());  // it skipped nobody
    } else {
      PW_CHECK(std::erase(walk->due, session) == 1);  // was there, is there, and had not been met
    }
  }
  void end_walk(std::optional<Walk>& walk) {
    if (walk) {
      table_.end_walk(walk->walk);
      walk.reset();
    }
  }
  void compare() const {
    for (std::size_t topic = 0; topic < kTopics; ++topic) {
      PW_CHECK(table_.subscribers(name(topic)) == model_[topic].size());
      PW_CHECK(present_.contains(name(topic)) == !model_[topic].empty());
    }
  }
  void on_topic_appeared(std::string_view topic) override { PW_CHECK(present_.emplace(topic).second); }
  void on_topic_vanished(std::string_view topic) override { PW_CHECK(present_.erase(std::string(topic)) == 1); }

  People& people_;
  std::array<List, kTopics> model_;
  std::array<std::optional<Walk>, kWalks> walks_;
  std::set<std::string> present_;
  TopicTable table_{*this};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static People people;
  Run run(people);
  for (std::size_t i = 0; i + 1 < size; i += 2) {
    run.act(data[i], data[i + 1]);
  }
  run.finish();
  return 0;
}
