#include "net/sender.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>

#include "net/fd.h"
#include "net/tls_test_support.h"

namespace pushwire::net {
namespace {

struct Pair {
  Fd ours;
  Fd theirs;
};

Pair make_pair(int send_buffer) {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  EXPECT_EQ(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer), 0);
  return {Fd(fds[0]), Fd(fds[1])};
}

std::string read_all(const Fd& fd) {
  std::string all;
  char buffer[16384];
  for (ssize_t got = 1; got > 0;) {
    got = recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    all.append(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
  }
  return all;
}

LocalBuffer frame(const std::string& bytes) {
  return {SharedBuffer::copy_of(bytes), FrameKind::kMessage};
}

// A text whose every part is different, so that a missing piece shows.
std::string text_of(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) {
    text += std::to_string(i) + ',';
  }
  text.resize(size);
  return text;
}

// Both back ends have to do the same. Where this kernel allows no ring, the other one is tested twice.
class SenderTest : public testing::TestWithParam<IoChoice> {
 protected:
  void SetUp() override {
    auto chosen = choose_sender(GetParam());
    if (!chosen) {
      chosen = choose_sender(IoChoice::kEpoll);
    }
    ASSERT_TRUE(chosen);
    sender_ = std::move(*chosen);
  }
  std::unique_ptr<Sender> sender_;
};

TEST_P(SenderTest, WritesEveryOutboxOfTheTurn) {
  constexpr std::size_t kSockets = 700;  // more than one batch of the ring
  std::vector<Pair> pairs;
  std::vector<Outbox> outboxes(kSockets);
  std::vector<SendJob> jobs;
  for (std::size_t i = 0; i < kSockets; ++i) {
    pairs.push_back(make_pair(65536));
    outboxes[i].push(frame("hello " + std::to_string(i)));
    jobs.push_back({pairs[i].ours.get(), &outboxes[i]});
  }
  sender_->send(jobs);
  for (std::size_t i = 0; i < kSockets; ++i) {
    EXPECT_EQ(jobs[i].result, FlushResult::kDone);
    EXPECT_TRUE(outboxes[i].empty());
    EXPECT_EQ(read_all(pairs[i].theirs), "hello " + std::to_string(i));
  }
}

TEST_P(SenderTest, WritesSeveralFramesOfOneSocketInOrder) {
  const Pair pair = make_pair(1 << 20);
  const Pair other = make_pair(65536);
  Outbox many;
  Outbox one;
  std::string expected;
  for (std::size_t i = 0; i < Outbox::kFramesPerWrite * 2 + 3; ++i) {
    many.push(frame("frame " + std::to_string(i) + ";"));
    expected += "frame " + std::to_string(i) + ";";
  }
  one.push(frame("x"));
  SendJob jobs[] = {{pair.ours.get(), &many}, {other.ours.get(), &one}};
  sender_->send(jobs);
  EXPECT_EQ(jobs[0].result, FlushResult::kDone);
  EXPECT_EQ(read_all(pair.theirs), expected);
  EXPECT_EQ(read_all(other.theirs), "x");
}

// The trap of skipped completions: a short write that counts as a success would leave a hole in the stream.
TEST_P(SenderTest, ShortWriteLosesNoByteOfTheStream) {
  const Pair slow = make_pair(4096);
  const Pair quick = make_pair(65536);
  const std::string text = text_of(200'000);
  Outbox big;
  big.push(frame(text));
  std::string received;
  for (int round = 0; round < 1000 && !big.empty(); ++round) {
    Outbox small;
    small.push(frame("y"));
    SendJob jobs[] = {{slow.ours.get(), &big}, {quick.ours.get(), &small}};
    sender_->send(jobs);
    EXPECT_EQ(jobs[0].result, big.empty() ? FlushResult::kDone : FlushResult::kPartial);
    EXPECT_EQ(jobs[1].result, FlushResult::kDone);
    received += read_all(slow.theirs);
  }
  EXPECT_TRUE(big.empty());
  EXPECT_EQ(received, text);
}

TEST_P(SenderTest, FullSocketIsPartialAndKeepsItsBytes) {
  const Pair full = make_pair(4096);
  const Pair other = make_pair(4096);
  std::string junk(65536, 'j');
  while (send(full.ours.get(), junk.data(), junk.size(), MSG_DONTWAIT) > 0) {
  }
  Outbox waiting;
  waiting.push(frame("later"));
  Outbox fine;
  fine.push(frame("now"));
  SendJob jobs[] = {{full.ours.get(), &waiting}, {other.ours.get(), &fine}};
  sender_->send(jobs);
  EXPECT_EQ(jobs[0].result, FlushResult::kPartial);
  EXPECT_EQ(waiting.bytes(), 5U);
  EXPECT_EQ(jobs[1].result, FlushResult::kDone);
}

TEST_P(SenderTest, BrokenSocketIsBrokenAloneAndRaisesNoSignal) {
  Pair gone = make_pair(4096);
  const Pair other = make_pair(4096);
  gone.theirs.reset();
  Outbox lost;
  lost.push(frame("lost"));
  Outbox fine;
  fine.push(frame("fine"));
  SendJob jobs[] = {{gone.ours.get(), &lost}, {other.ours.get(), &fine}};
  sender_->send(jobs);
  EXPECT_EQ(jobs[0].result, FlushResult::kBroken);
  EXPECT_EQ(jobs[1].result, FlushResult::kDone);
  EXPECT_EQ(read_all(other.theirs), "fine");
}

TEST_P(SenderTest, WritesThroughTlsAndInTheClearInOneTurn) {
  const test::Certificates certificates;
  const auto tls = certificates.server({.certificates = {certificates.make("s", "DNS:a.test")}});
  test::TlsPair secret(tls, certificates.authority());
  ASSERT_TRUE(secret.shake());
  const Pair clear = make_pair(65536);
  const Pair also_clear = make_pair(65536);
  Outbox first;
  Outbox second;
  Outbox third;
  first.push(frame("clear"));
  second.push(frame("sec"));
  second.push(frame("ret"));
  third.push(frame("clear too"));
  SendJob jobs[] = {{.fd = clear.ours.get(), .outbox = &first},
                    {.fd = secret.ours.get(), .outbox = &second, .tls = secret.server.get()},
                    {.fd = also_clear.ours.get(), .outbox = &third}};
  sender_->send(jobs);
  EXPECT_EQ(read_all(clear.theirs), "clear");
  EXPECT_EQ(secret.client->receive(), "secret");
  EXPECT_EQ(read_all(also_clear.theirs), "clear too");
  for (const SendJob& job : jobs) {
    EXPECT_EQ(job.result, FlushResult::kDone);
    EXPECT_TRUE(job.outbox->empty());
  }
}

INSTANTIATE_TEST_SUITE_P(BackEnds, SenderTest, testing::Values(IoChoice::kEpoll, IoChoice::kUring),
                         [](const auto& chosen) { return chosen.param == IoChoice::kUring ? "Uring" : "Epoll"; });

TEST(ChooseSender, AutoAlwaysFindsOne) {
  const auto sender = choose_sender(IoChoice::kAuto);
  ASSERT_TRUE(sender);
  EXPECT_TRUE((*sender)->name() == "epoll" || (*sender)->name() == "uring");
}

}  // namespace
}  // namespace pushwire::net
