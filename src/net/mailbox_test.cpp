#include "net/mailbox.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "net/event_loop.h"

namespace pushwire::net {
namespace {

struct NoTurn final : TurnHandler {
  void drain_mail() override {}
  void on_timers(MonotonicMs) override {}
  void flush() override {}
  void destroy_closed() override {}
  bool has_work() const override { return false; }
};

std::vector<int> taken(Mailbox<int>& box) {
  std::vector<int> mails;
  box.drain([&](int mail) { mails.push_back(mail); });
  return mails;
}

TEST(Mailbox, HandsOverInOrderWhatWasPosted) {
  EventLoop loop;
  Mailbox<int> box(loop, 100);
  box.post(1);
  ASSERT_TRUE(box.reserve(1));
  box.post(2);
  box.post(3);
  EXPECT_EQ(taken(box), (std::vector<int>{1, 2, 3}));
  EXPECT_TRUE(taken(box).empty());
}

TEST(Mailbox, TakesManyAtOnceInOrder) {
  EventLoop loop;
  Mailbox<int> box(loop, 100);
  box.post(1);
  std::vector<int> more{2, 3};
  box.post_all(more);
  EXPECT_TRUE(more.empty());
  box.post_all(more);
  EXPECT_TRUE(box.has_mail());
  EXPECT_EQ(taken(box), (std::vector<int>{1, 2, 3}));
  box.post_all(more);
  EXPECT_FALSE(box.has_mail()) << "nothing is no mail";
}

TEST(Mailbox, MailPostedWhileDrainingWaitsForTheNextDrain) {
  EventLoop loop;
  Mailbox<int> box(loop, 100);
  box.post(1);
  int handled = 0;
  box.drain([&](int) {
    ++handled;
    box.post(2);
  });
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(taken(box), std::vector<int>{2});
}

TEST(Mailbox, RefusesDataOverTheLimitUntilItIsReleased) {
  EventLoop loop;
  Mailbox<int> box(loop, 100);
  EXPECT_TRUE(box.reserve(60));
  EXPECT_TRUE(box.reserve(40));
  EXPECT_FALSE(box.reserve(1));
  EXPECT_EQ(box.bytes(), 100U) << "a refusal takes no room";
  box.post(1);
  (void)taken(box);
  EXPECT_FALSE(box.reserve(1)) << "taken out is not finished";
  box.release(60);
  EXPECT_TRUE(box.reserve(60));
}

TEST(Mailbox, AdmitsOneMailOfAnySizeToAnEmptyBox) {
  EventLoop loop;
  Mailbox<int> box(loop, 100);
  EXPECT_TRUE(box.reserve(1'000'000));
  EXPECT_FALSE(box.reserve(1));
  box.release(1'000'000);
  EXPECT_EQ(box.bytes(), 0U);
}

TEST(Mailbox, ControlMailAlwaysFits) {
  EventLoop loop;
  Mailbox<int> box(loop, 1);
  ASSERT_TRUE(box.reserve(100));
  box.post(7);
  EXPECT_EQ(taken(box), std::vector<int>{7});
}

TEST(Mailbox, MovesMail) {
  EventLoop loop;
  Mailbox<std::unique_ptr<int>> box(loop, 1);
  box.post(std::make_unique<int>(5));
  int value = 0;
  box.drain([&](std::unique_ptr<int> mail) { value = *mail; });
  EXPECT_EQ(value, 5);
}

TEST(Mailbox, WakesTheLoopOnTheFirstMailOnly) {
  EventLoop loop;
  NoTurn turn;
  Mailbox<int> box(loop, 1);
  box.post(1);
  const MonotonicMs start = monotonic_ms();
  loop.turn(turn, 900);
  EXPECT_LT(monotonic_ms() - start, 800) << "woken";
  box.post(2);  // nobody has drained: it is known that mail waits
  loop.turn(turn, 50);
  EXPECT_GE(monotonic_ms() - start, 45) << "slept";
}

TEST(Mailbox, LosesNothingAndKeepsTheOrderOfEachProducer) {
  constexpr int kProducers = 4;
  constexpr int kMails = 5'000;
  EventLoop loop;
  NoTurn turn;
  Mailbox<int> box(loop, 1'000);
  std::vector<std::thread> producers;
  for (int producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&box, producer] {
      for (int i = 0; i < kMails; ++i) {
        while (!box.reserve(1)) {
          std::this_thread::yield();
        }
        box.post(producer * kMails + i);
      }
    });
  }
  std::vector<int> next(kProducers, 0);
  int received = 0;
  const MonotonicMs give_up = monotonic_ms() + 30'000;
  while (received < kProducers * kMails && monotonic_ms() < give_up) {
    loop.turn(turn, 100);
    box.drain([&](int mail) {
      EXPECT_EQ(mail % kMails, next[static_cast<std::size_t>(mail / kMails)]++);
      ++received;
      box.release(1);
    });
  }
  for (std::thread& producer : producers) {
    producer.join();
  }
  EXPECT_EQ(received, kProducers * kMails);
  EXPECT_EQ(box.bytes(), 0U);
}

}  // namespace
}  // namespace pushwire::net
