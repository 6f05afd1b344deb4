#include "net/event_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

namespace pushwire::net {
namespace {

// Writes down in which order the loop calls.
struct Journal final : TurnHandler {
  std::string text;
  bool work = false;
  std::function<void()> mail;

  void drain_mail() override {
    text += "mail ";
    if (mail) {
      mail();
    }
  }
  void on_timers(MonotonicMs) override { text += "timers "; }
  void flush() override { text += "flush "; }
  void destroy_closed() override { text += "destroy "; }
  bool has_work() const override { return work; }
};

struct Handler final : IoHandler {
  std::function<void(std::uint32_t)> act;
  int calls = 0;
  std::uint32_t last = 0;

  void on_io(std::uint32_t events) override {
    ++calls;
    last = events;
    if (act) {
      act(events);
    }
  }
};

struct Pair {
  Fd ours;
  Fd theirs;

  Pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }
};

TEST(EventLoop, TurnHasItsOrder) {
  EventLoop loop;
  Journal journal;
  Pair pair;
  Handler handler;
  handler.act = [&](std::uint32_t) { journal.text += "io "; };
  ASSERT_TRUE(loop.add(pair.ours.get(), EPOLLIN, handler));
  ASSERT_EQ(::send(pair.theirs.get(), "x", 1, 0), 1);
  loop.turn(journal, 0);
  EXPECT_EQ(journal.text, "io mail timers flush destroy ");
}

TEST(EventLoop, ReadinessIsToldOnceUntilItChanges) {
  EventLoop loop;
  Journal journal;
  Pair pair;
  Handler handler;
  ASSERT_TRUE(loop.add(pair.ours.get(), EPOLLIN, handler));
  ASSERT_EQ(::send(pair.theirs.get(), "x", 1, 0), 1);
  loop.turn(journal, 0);
  loop.turn(journal, 0);
  EXPECT_EQ(handler.calls, 1);
  ASSERT_EQ(::send(pair.theirs.get(), "x", 1, 0), 1);
  loop.turn(journal, 0);
  EXPECT_EQ(handler.calls, 2);
  loop.modify(pair.ours.get(), EPOLLIN | EPOLLOUT, handler);
  loop.turn(journal, 0);
  EXPECT_EQ(handler.last, static_cast<std::uint32_t>(EPOLLIN | EPOLLOUT));
}

TEST(EventLoop, RemovedDescriptorsAreQuiet) {
  EventLoop loop;
  Journal journal;
  Pair pair;
  Handler handler;
  ASSERT_TRUE(loop.add(pair.ours.get(), EPOLLIN, handler));
  loop.remove(pair.ours.get());
  ASSERT_EQ(::send(pair.theirs.get(), "x", 1, 0), 1);
  loop.turn(journal, 0);
  EXPECT_EQ(handler.calls, 0);
}

TEST(EventLoop, RefusesWhatCannotBeWatched) {
  EventLoop loop;
  Handler handler;
  EXPECT_FALSE(loop.add(-1, EPOLLIN, handler));
}

TEST(EventLoop, RunAgainComesInTheNextTurnAndNotLater) {
  EventLoop loop;
  Journal journal;
  Pair pair;
  Handler handler;
  handler.act = [&](std::uint32_t events) {
    if (events != 0) {
      loop.run_again(handler);
    }
  };
  ASSERT_TRUE(loop.add(pair.ours.get(), EPOLLIN, handler));
  ASSERT_EQ(::send(pair.theirs.get(), "x", 1, 0), 1);
  loop.turn(journal, 0);
  EXPECT_EQ(handler.calls, 1);
  loop.turn(journal, 10'000);  // does not sleep
  EXPECT_EQ(handler.calls, 2);
  EXPECT_EQ(handler.last, 0U);
  loop.turn(journal, 0);
  EXPECT_EQ(handler.calls, 2);
}

TEST(EventLoop, OneThatAlwaysRunsAgainGetsOneCallPerTurn) {
  EventLoop loop;
  Journal journal;
  Handler handler;
  handler.act = [&](std::uint32_t) { loop.run_again(handler); };
  loop.run_again(handler);
  for (int i = 1; i <= 5; ++i) {
    loop.turn(journal, 0);
    EXPECT_EQ(handler.calls, i);
  }
}

TEST(EventLoop, RunAgainCanBeTakenBackAlsoByOthersInTheSameTurn) {
  EventLoop loop;
  Journal journal;
  Handler first;
  Handler second;
  Handler third;
  first.act = [&](std::uint32_t) { loop.cancel_run_again(second); };
  loop.run_again(first);
  loop.run_again(second);
  loop.run_again(third);
  loop.run_again(third);
  loop.cancel_run_again(third);
  loop.turn(journal, 0);
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(second.calls, 0);
  EXPECT_EQ(third.calls, 0);
}

TEST(EventLoop, WakeEndsASleepFromAnotherThread) {
  EventLoop loop;
  Journal journal;
  const auto start = std::chrono::steady_clock::now();
  std::thread other([&] { loop.wake(); });
  loop.turn(journal, 900);
  other.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(800));
}

TEST(EventLoop, DoesNotSleepWhileWorkWaits) {
  EventLoop loop;
  Journal journal;
  journal.work = true;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) {
    loop.turn(journal, 900);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(800));
}

TEST(EventLoop, RunReturnsAfterTheTurnThatWasAskedToStop) {
  EventLoop loop;
  Journal journal;
  journal.mail = [&] { loop.request_stop(); };
  loop.run(journal);
  EXPECT_EQ(journal.text, "mail timers flush destroy ");
  loop.run(journal);  // stays stopped
  EXPECT_EQ(journal.text, "mail timers flush destroy ");
}

TEST(EventLoop, ClockGoesOnWhileItSleeps) {
  EventLoop loop;
  Journal journal;
  const MonotonicMs before = loop.now();
  loop.turn(journal, 50);
  EXPECT_GE(loop.now() - before, 45);
}

// Attack 33: after 60 s of SIGSTOP nobody may be thrown out for silence. Here the loop is held up between two turns.
TEST(EventLoop, ClockDoesNotCountTimeInWhichTheProcessStoodStill) {
  EventLoop loop;
  Journal journal;
  loop.turn(journal, 0);
  const MonotonicMs before = loop.now();
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  loop.turn(journal, 0);
  EXPECT_LE(loop.now() - before, 350);
  EXPECT_GE(loop.now() - before, 200);
}

TEST(EventLoop, BusyRatioIsAShare) {
  EventLoop loop;
  Journal journal;
  EXPECT_EQ(loop.busy_ratio(), 0.0);
  for (int i = 0; i < 12; ++i) {
    loop.turn(journal, 100);
  }
  EXPECT_GE(loop.busy_ratio(), 0.0);
  EXPECT_LT(loop.busy_ratio(), 0.5) << "it only slept";
}

}  // namespace
}  // namespace pushwire::net
