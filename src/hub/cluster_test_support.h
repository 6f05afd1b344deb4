// Nodes on a bus that the test hands over by hand: what Cluster's tests are made of.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "hub/cluster.h"
#include "hub/dispatcher.h"
#include "hub/hub_test_support.h"

namespace pushwire::hub::test {

using bus::Envelope;
using bus::PublishOutcome;

// What was published and not handed over yet. Everything on it goes to every node.
using Wire = std::deque<Envelope>;

class WireBus final : public bus::Bus {
 public:
  explicit WireBus(Wire& wire) : wire_(wire) {}
  std::string_view name() const noexcept override { return "wire"; }
  Result<> start(bus::EnvelopeSink&, bus::PublishListener&) override { return {}; }
  std::optional<PublishOutcome> publish(Envelope&& envelope, bus::PublishTicket) override {
    if (outcome && *outcome != PublishOutcome::kAccepted) {
      return outcome;
    }
    wire_.push_back(std::move(envelope));
    return outcome;
  }
  bus::Health health() const override { return {.up = up, .reason = {}}; }
  bus::Capabilities capabilities() const override { return {}; }
  std::size_t largest_record() const noexcept override { return 100'000; }
  const bus::BusCounters& counters() const noexcept override { return counters_; }
  void stop() override {}

  bool up = true;
  std::optional<PublishOutcome> outcome;

 private:
  Wire& wire_;
  bus::BusCounters counters_;
};

constexpr std::uint32_t kWorkers = 2;

struct Node {
  Node(Wire& wire, MonotonicMs& clock, std::string name)
      : link(wire),
        router({&boxes[0], &boxes[1]}),
        cluster(link, router,
                {.name = std::move(name), .state = [this] { return state; }, .clock = [&clock] { return clock; }}),
        dispatcher(link, router, dedup, &cluster) {}

  // The workers answer what other nodes ask, and keep what is for the API.
  void work() {
    for (std::uint32_t worker = 0; worker < kWorkers; ++worker) {
      std::vector<WorkerMail> mail;
      boxes[worker].drain([&](WorkerMail&& one) { mail.push_back(std::move(one)); });
      for (WorkerMail& one : mail) {
        if (auto* reply = std::get_if<Reply>(&one)) {
          replies.push_back(std::move(*reply));
          continue;
        }
        auto& ask = std::get<Ask>(one);
        asked.push_back(ask);
        ASSERT_EQ(ask.reply_to.worker, kOtherNode);
        if (std::holds_alternative<ListSessions>(ask.question)) {
          cluster.answer(ask.reply_to.call, Answer{SessionList{sessions}});
        } else {
          cluster.answer(ask.reply_to.call, Count{count});
        }
      }
    }
  }
  OthersAnswer answered() {
    PW_CHECK(replies.size() == 1);
    OthersAnswer answer = std::get<OthersAnswer>(std::move(replies[0].answer));
    replies.clear();
    return answer;
  }
  std::vector<std::string> sees() const {
    std::vector<std::string> names;
    for (const Member& member : cluster.others()) {
      names.push_back(member.name);
    }
    return names;
  }

  bool deaf = false;  // stopped: it neither hears nor works
  Announcement state{.version = "0.1.0"};
  std::vector<SessionInfo> sessions;
  std::uint64_t count = 1;
  std::vector<Ask> asked;
  std::vector<Reply> replies;
  net::EventLoop loop;
  WireBus link;
  std::array<WorkerMailbox, kWorkers> boxes{WorkerMailbox{loop, 1'000}, WorkerMailbox{loop, 1'000}};
  Router router;
  DedupTable dedup{60'000, 1000};
  Cluster cluster;
  Dispatcher dispatcher;
};

using Names = std::vector<std::string>;

// After so long a node knows who else there is.
constexpr MonotonicMs kSettles = Hearing::kSettles + 200;

class ClusterTest : public testing::Test {
 protected:
  Node& add(std::string name) { return *nodes_.emplace_back(std::make_unique<Node>(wire_, clock_, std::move(name))); }
  // Hands everything over until nobody has anything to say.
  void talk() {
    do {
      while (!wire_.empty()) {
        const Envelope envelope = std::move(wire_.front());
        wire_.pop_front();
        heard_.push_back(envelope);
        for (const auto& node : nodes_) {
          if (!node->deaf) {
            EXPECT_EQ(node->dispatcher.on_envelope(Envelope(envelope)), bus::Delivered::kAccepted);
          }
        }
      }
      for (const auto& node : nodes_) {
        if (!node->deaf) {
          node->work();
        }
      }
    } while (!wire_.empty());
  }
  void pass(MonotonicMs ms) {
    for (const MonotonicMs end = clock_ + ms; clock_ < end;) {
      clock_ += 100;
      for (const auto& node : nodes_) {
        if (!node->deaf) {
          node->cluster.tick();
        }
      }
      talk();
    }
  }

  Wire wire_;
  MonotonicMs clock_ = 100'000;
  std::vector<Envelope> heard_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace pushwire::hub::test
