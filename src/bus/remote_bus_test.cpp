#include "bus/remote_bus.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <map>

namespace pushwire::bus {
namespace {

using namespace std::chrono_literals;

// Does what the test tells it to, on the bus's thread.
class ScriptedLink final : public Link {
 public:
  ScriptedLink(net::EventLoop& loop, LinkEvents& bus_events) : events(bus_events), box_(loop, 0) {}

  Result<> open() override { return opens ? Result<>() : fail("bus.redis.address: no such thing"); }
  void send(const OutRecord& record) override {
    const std::lock_guard lock(mutex);
    sent.push_back({record.number, std::string(record.bytes)});
    changed.notify_all();
  }
  void flush() override {
    box_.drain([](std::function<void()>&& task) { task(); });
  }
  void pause() override { paused.store(true); }
  void resume() override { paused.store(false); }
  void close() override { closed.store(true); }
  Capabilities capabilities() const override { return {.replay = replays, .ordered = true}; }
  std::size_t largest_record() const noexcept override { return 1'000; }

  // Runs `task` on the bus's thread, and waits for it.
  void run(std::function<void()> task) {
    std::promise<void> done;
    box_.post([&] {
      task();
      done.set_value();
    });
    ASSERT_EQ(done.get_future().wait_for(10s), std::future_status::ready);
  }
  struct Sent {
    std::uint64_t serial;
    std::string record;
  };
  std::vector<Sent> wait_sent(std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, 10s, [&] { return sent.size() >= count; });
    return sent;
  }

  LinkEvents& events;
  bool opens = true;
  bool replays = false;
  std::atomic<bool> paused{false};
  std::atomic<bool> closed{false};
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Sent> sent;  // guarded by mutex

 private:
  net::Mailbox<std::function<void()>> box_;
};

class Listener final : public EnvelopeSink, public PublishListener {
 public:
  Delivered on_envelope(Envelope&& envelope) override {
    if (pausing.load()) {
      return Delivered::kPause;
    }
    if (envelope.payload == "unsound") {
      return Delivered::kUnreadable;
    }
    const std::lock_guard lock(mutex_);
    envelopes_.push_back(std::move(envelope));
    changed_.notify_all();
    return Delivered::kAccepted;
  }
  void on_published(PublishTicket ticket, PublishOutcome outcome) override {
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(outcomes_.emplace(ticket.call, outcome).second) << "told exactly once";
    changed_.notify_all();
  }
  std::vector<Envelope> envelopes(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 10s, [&] { return envelopes_.size() >= count; });
    return envelopes_;
  }
  std::optional<PublishOutcome> outcome(std::uint64_t call) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 10s, [&] { return outcomes_.contains(call); });
    return outcomes_.contains(call) ? std::optional(outcomes_[call]) : std::nullopt;
  }
  std::size_t outcomes() {
    const std::lock_guard lock(mutex_);
    return outcomes_.size();
  }

  std::atomic<bool> pausing{false};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Envelope> envelopes_;
  std::map<std::uint64_t, PublishOutcome> outcomes_;
};

Envelope push(std::string id, std::string payload = "1") {
  Envelope envelope;
  envelope.key = "alice";
  envelope.id = std::move(id);
  envelope.payload = std::move(payload);
  envelope.born_ms = wall_ms();
  envelope.origin = "n1";
  return envelope;
}

class RemoteBusTest : public testing::Test {
 protected:
  void make(std::chrono::milliseconds publish_timeout = 2s, std::chrono::milliseconds replay = 0ms) {
    Settings settings;
    settings.publish_timeout = publish_timeout;
    settings.max_replay_age = replay;
    bus_ = std::make_unique<RemoteBus>("redis", settings, "n1",
                                       [this](net::EventLoop& loop, LinkEvents& events, const Settings&) {
                                         auto link = std::make_unique<ScriptedLink>(loop, events);
                                         link_ = link.get();
                                         return link;
                                       });
  }
  void start(std::chrono::milliseconds publish_timeout = 2s, std::chrono::milliseconds replay = 0ms) {
    make(publish_timeout, replay);
    ASSERT_TRUE(bus_->start(listener_, listener_));
  }
  void up() {
    link_->run([this] { link_->events.on_up(); });
  }
  void publish(std::uint64_t call, std::string payload = "1") {
    ASSERT_EQ(bus_->publish(push(std::to_string(call), std::move(payload)), {0, call}), std::nullopt);
  }
  void arrive(const std::string& record) {
    link_->run([&] { link_->events.on_record(record, "queue 1"); });
  }
  void confirm(std::uint64_t serial, SendResult result = SendResult::kStored) {
    link_->run([&] { link_->events.on_sent(serial, result); });
  }

  Listener listener_;
  ScriptedLink* link_ = nullptr;
  std::unique_ptr<RemoteBus> bus_;
};

TEST_F(RemoteBusTest, AcceptsWhatTheServerHasConfirmedAndNothingSooner) {
  start();
  up();
  publish(1);
  const auto sent = link_->wait_sent(1);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(listener_.outcomes(), 0U);
  confirm(sent[0].serial);
  EXPECT_EQ(listener_.outcome(1), PublishOutcome::kAccepted);
  arrive(sent[0].record);
  ASSERT_EQ(listener_.envelopes(1).size(), 1U);
  EXPECT_EQ(listener_.envelopes(1)[0].id, "1");
}

TEST_F(RemoteBusTest, HandsOverOnceWhatComesTwice) {
  start();
  up();
  publish(1);
  const std::string record = link_->wait_sent(1).at(0).record;
  arrive(record);
  arrive(record);
  EXPECT_EQ(listener_.envelopes(1).size(), 1U);
  EXPECT_EQ(bus_->counters().repeated.load(), 1U);
}

TEST_F(RemoteBusTest, SendsAgainInOrderWhatWasNotConfirmedWhenTheLinkIsBack) {
  start();
  up();
  publish(1);
  publish(2);
  const auto first = link_->wait_sent(2);
  confirm(first.at(0).serial);
  link_->run([&] { link_->events.on_down("bus.redis.address: the connection was lost"); });
  publish(3);
  up();
  const auto sent = link_->wait_sent(4);
  ASSERT_EQ(sent.size(), 4U);
  EXPECT_EQ(sent[2].serial, first[1].serial);
  EXPECT_EQ(sent[2].record, first[1].record) << "with the same number, so that it can be told from a new one";
  EXPECT_GT(sent[3].serial, sent[2].serial);
  confirm(sent[2].serial);
  confirm(sent[3].serial);
  EXPECT_EQ(listener_.outcome(2), PublishOutcome::kAccepted);
  EXPECT_EQ(listener_.outcome(3), PublishOutcome::kAccepted);
  EXPECT_EQ(bus_->counters().reconnects.load(), 1U);
}

TEST_F(RemoteBusTest, TriesAgainWhatTheServerCouldNotTake) {
  start();
  up();
  publish(1);
  confirm(link_->wait_sent(1).at(0).serial, SendResult::kTryAgain);
  const auto sent = link_->wait_sent(2);
  ASSERT_EQ(sent.size(), 2U);
  confirm(sent[1].serial);
  EXPECT_EQ(listener_.outcome(1), PublishOutcome::kAccepted);
}

TEST_F(RemoteBusTest, GivesUpAfterThePublishTimeout) {
  start(200ms);
  publish(1);  // no link yet
  EXPECT_EQ(listener_.outcome(1), PublishOutcome::kUnavailable);
  std::this_thread::sleep_for(200ms);  // it has been away for so long
  EXPECT_EQ(bus_->publish(push("2"), {0, 2}), PublishOutcome::kUnavailable) << "told at once";
  up();
  publish(3);
  EXPECT_EQ(listener_.outcome(3), PublishOutcome::kUnavailable) << "sent, and never confirmed";
}

TEST_F(RemoteBusTest, RefusesWhatIsTooLargeForTheServer) {
  start();
  up();
  EXPECT_EQ(bus_->publish(push("1", std::string(1'000, 'x')), {0, 1}), PublishOutcome::kTooLarge);
  publish(2, std::string(800, 'x'));
}

TEST_F(RemoteBusTest, IsOverloadedWhenTooMuchWaitsForTheServer) {
  start(60s);
  up();
  std::size_t taken = 0;
  std::optional<PublishOutcome> outcome;
  while (!outcome && taken < 1'000'000) {
    outcome = bus_->publish(push("1", std::string(800, 'x')), {0, ++taken});
  }
  EXPECT_EQ(outcome, PublishOutcome::kOverloaded);
  EXPECT_GE(taken, RemoteBus::kMostWaitingBytes / 2'000);
  const std::uint64_t serial = link_->wait_sent(taken - 1).at(0).serial;
  confirm(serial);
  EXPECT_EQ(listener_.outcome(1), PublishOutcome::kAccepted);
  EXPECT_EQ(bus_->publish(push("1"), {0, ++taken}), std::nullopt) << "there is room again";
}

TEST_F(RemoteBusTest, PausesTheLinkWhileTheSinkHasNoRoomAndLosesNothing) {
  start();
  up();
  publish(1);
  publish(2);
  const auto sent = link_->wait_sent(2);
  listener_.pausing.store(true);
  arrive(sent.at(0).record);
  arrive(sent.at(1).record);
  EXPECT_TRUE(link_->paused.load());
  listener_.pausing.store(false);
  const auto envelopes = listener_.envelopes(2);
  ASSERT_EQ(envelopes.size(), 2U);
  EXPECT_EQ(envelopes[0].id, "1");
  EXPECT_EQ(envelopes[1].id, "2");
  link_->run([] {});
  EXPECT_FALSE(link_->paused.load());
}

// Each push that is confirmed is followed by one that begins to wait.
TEST_F(RemoteBusTest, GoesOnThoughPushesNeverCease) {
  start();
  up();
  publish(1);
  const std::string record = link_->wait_sent(1).at(0).record;
  listener_.pausing.store(true);
  arrive(record);
  EXPECT_TRUE(link_->paused.load());
  listener_.pausing.store(false);
  std::uint64_t call = 1;
  const auto until = std::chrono::steady_clock::now() + 5s;
  while (link_->paused.load() && std::chrono::steady_clock::now() < until) {
    confirm(link_->wait_sent(call).at(call - 1).serial);
    link_->run([] {});  // a turn in which nothing is waiting
    publish(++call);
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_FALSE(link_->paused.load());
  EXPECT_EQ(listener_.envelopes(1).size(), 1U);
}

TEST_F(RemoteBusTest, SkipsAndCountsWhatNoClientMayGetOrNoNodeHasSent) {
  start();
  up();
  const auto record = [](std::uint64_t number, std::string payload) {
    std::string bytes = encode_record(push(std::to_string(number), std::move(payload)), 77);
    stamp_number(bytes, number);
    return bytes;
  };
  arrive(record(1, "1"));
  arrive(record(2, "unsound"));
  arrive(record(std::uint64_t{1} << 50, "1"));
  arrive(record(3, "1"));
  EXPECT_EQ(listener_.envelopes(2).size(), 2U);
  EXPECT_EQ(bus_->counters().unreadable.load(), 2U);
}

TEST_F(RemoteBusTest, SkipsAndCountsWhatItCannotRead) {
  start();
  up();
  arrive("not a record");
  publish(1);
  std::string record = link_->wait_sent(1).at(0).record;
  std::string newer = record;
  newer[3] = 9;
  arrive(newer);
  arrive(record);
  EXPECT_EQ(listener_.envelopes(1).size(), 1U);
  EXPECT_EQ(bus_->counters().unreadable.load(), 2U);
}

TEST_F(RemoteBusTest, CountsExactlyWhatNeverCame) {
  start();
  up();
  for (std::uint64_t call = 1; call <= 4; ++call) {
    publish(call);
  }
  const auto sent = link_->wait_sent(4);
  arrive(sent.at(0).record);
  arrive(sent.at(3).record);
  for (int i = 0; i < 200 && bus_->counters().missed.load() == 0; ++i) {
    std::this_thread::sleep_for(100ms);
  }
  EXPECT_EQ(bus_->counters().missed.load(), 2U);
}

TEST_F(RemoteBusTest, CountsNothingAsMissedWhileNothingCanCome) {
  start();
  up();
  for (std::uint64_t call = 1; call <= 3; ++call) {
    publish(call);
  }
  const auto sent = link_->wait_sent(3);
  arrive(sent.at(0).record);
  arrive(sent.at(2).record);
  link_->run([&] { link_->events.on_down("gone"); });
  std::this_thread::sleep_for(6'500ms);  // longer than numbers may come in any order, and a look
  EXPECT_EQ(bus_->counters().missed.load(), 0U);
  up();
  arrive(sent.at(1).record);
  EXPECT_EQ(listener_.envelopes(3).size(), 3U);
  std::this_thread::sleep_for(1'200ms);
  EXPECT_EQ(bus_->counters().missed.load(), 0U);
}

TEST_F(RemoteBusTest, BoundsWhatIsHandedOverBeforeTheLinkSaysThatItIsUp) {
  start(2s, 1s);
  link_->replays = true;
  up();
  link_->run([&] { link_->events.on_down("gone"); });
  const auto record_born = [](std::uint64_t number, WallMs born) {
    Envelope envelope = push(std::to_string(number));
    envelope.born_ms = born;
    std::string record = encode_record(envelope, 77);
    stamp_number(record, number);
    return record;
  };
  arrive(record_born(1, wall_ms() - 60'000));
  arrive(record_born(2, wall_ms()));
  up();
  EXPECT_EQ(listener_.envelopes(1).at(0).id, "2");
  EXPECT_EQ(bus_->counters().stale.load(), 1U);
}

TEST_F(RemoteBusTest, LeavesOutWhatIsOlderThanTheReplayAge) {
  start(2s, 1s);
  link_->replays = true;
  up();
  link_->run([&] {
    link_->events.on_down("gone");
    link_->events.on_up();
  });
  const auto record_born = [](std::uint64_t number, WallMs born) {
    Envelope envelope = push(std::to_string(number));
    envelope.born_ms = born;
    std::string record = encode_record(envelope, 77);
    stamp_number(record, number);
    return record;
  };
  arrive(record_born(1, wall_ms() - 60'000));
  arrive(record_born(2, wall_ms() - 60'000));
  arrive(record_born(3, wall_ms()));
  ASSERT_EQ(listener_.envelopes(1).size(), 1U);
  EXPECT_EQ(listener_.envelopes(1)[0].id, "3");
  EXPECT_EQ(bus_->counters().stale.load(), 2U);
  EXPECT_EQ(bus_->counters().missed.load(), 2U);
  EXPECT_EQ(bus_->counters().gaps.load(), 1U) << "once for each time that the bus came back";
}

TEST_F(RemoteBusTest, LeavesOutWhatNodesSaidToEachOtherDuringAnOutage) {
  start(2s, 10s);
  link_->replays = true;
  up();
  const auto said_at = [](std::string_view id, WallMs born) {
    Envelope envelope = push(std::string(id));
    envelope.kind = EnvelopeKind::kControl;
    envelope.born_ms = born;
    std::string record = encode_record(envelope, 77);
    stamp_number(record, 1);
    return record;
  };
  arrive(said_at("before", wall_ms() - 1'000));
  link_->run([&] {
    link_->events.on_down("gone");
    link_->events.on_up();
  });
  arrive(said_at("replayed", wall_ms() - 2'000));
  arrive(said_at("after", wall_ms()));
  const auto envelopes = listener_.envelopes(2);
  ASSERT_EQ(envelopes.size(), 2U);
  EXPECT_EQ(envelopes[0].id, "before");
  EXPECT_EQ(envelopes[1].id, "after");
}

TEST_F(RemoteBusTest, CountsWhatWaitsFromPublishToItsOutcome) {
  start();
  up();
  EXPECT_EQ(bus_->counters().waiting_bytes.load(), 0U);
  publish(1);
  EXPECT_GT(bus_->counters().waiting_bytes.load(), 0U);
  confirm(link_->wait_sent(1).at(0).serial);
  EXPECT_EQ(listener_.outcome(1), PublishOutcome::kAccepted);
  link_->run([] {});
  EXPECT_EQ(bus_->counters().waiting_bytes.load(), 0U);
}

TEST_F(RemoteBusTest, SaysWhyItIsDown) {
  start();
  EXPECT_EQ(bus_->health().reason, "the bus is connecting");
  link_->run([&] { link_->events.on_down("bus.redis.password: the server refused it"); });
  EXPECT_EQ(bus_->health().reason, "bus.redis.password: the server refused it");
  up();
  EXPECT_TRUE(bus_->health().up);
}

TEST_F(RemoteBusTest, DoesNotStartWithASettingThatCannotWork) {
  make();
  link_->opens = false;
  const auto started = bus_->start(listener_, listener_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "bus.redis.address: no such thing");
  EXPECT_EQ(bus_->publish(push("1"), {}), PublishOutcome::kUnavailable);
}

TEST_F(RemoteBusTest, TellsEveryOutcomeBeforeItStops) {
  start(60s);
  up();
  for (std::uint64_t call = 1; call <= 100; ++call) {
    publish(call);
  }
  bus_->stop();
  EXPECT_EQ(listener_.outcomes(), 100U);
  EXPECT_TRUE(link_->closed.load());
  EXPECT_EQ(bus_->publish(push("1"), {}), PublishOutcome::kUnavailable);
}

TEST_F(RemoteBusTest, SaysInControlRecordsWhichNumbersWereRefused) {
  start(200ms);
  up();
  publish(1);
  EXPECT_EQ(listener_.outcome(1), PublishOutcome::kUnavailable);
  Envelope control;
  control.kind = EnvelopeKind::kControl;
  ASSERT_EQ(bus_->publish(std::move(control), {}), std::nullopt);
  const auto record = decode_record(link_->wait_sent(2).at(1).record);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->refused, (std::vector<NumberRange>{{1, 1}}));
  EXPECT_EQ(record->stamp.number, 2U) << "the next number, since control records have none";
}

}  // namespace
}  // namespace pushwire::bus
