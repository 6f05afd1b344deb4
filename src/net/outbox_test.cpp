#include "net/outbox.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>

#include "net/fd.h"
#include "net/tls_test_support.h"

namespace pushwire::net {
namespace {

LocalBuffer frame(std::string_view text, FrameKind kind = FrameKind::kMessage) {
  return {SharedBuffer::copy_of(text), kind};
}

struct Pipe {
  Fd writer;
  Fd reader;

  explicit Pipe(int send_buffer_bytes = 4096) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    writer.reset(ends[0]);
    reader.reset(ends[1]);
    ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes);
  }
  std::string read(std::size_t limit = 1 << 24) const {
    std::string all;
    std::array<char, 1024> part;
    while (all.size() < limit) {
      const ssize_t got = ::recv(reader.get(), part.data(), std::min(part.size(), limit - all.size()), 0);
      if (got <= 0) {
        break;
      }
      all.append(part.data(), static_cast<std::size_t>(got));
    }
    return all;
  }
};

TEST(Outbox, WritesFramesInOrder) {
  const Pipe pipe;
  Outbox outbox;
  outbox.push(frame("one "));
  outbox.push(frame("two"));
  EXPECT_EQ(outbox.bytes(), 7U);
  EXPECT_EQ(outbox.frames(), 2U);
  EXPECT_EQ(outbox.flush(pipe.writer.get()), FlushResult::kDone);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.bytes(), 0U);
  EXPECT_EQ(pipe.read(), "one two");
}

TEST(Outbox, EmptyFlushIsDone) {
  Outbox outbox;
  EXPECT_EQ(outbox.flush(-1), FlushResult::kDone);
}

TEST(Outbox, WritesMoreFramesThanFitOneCall) {
  const Pipe pipe(1 << 20);
  Outbox outbox;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    expected += std::to_string(i) + " ";
    outbox.push(frame(std::to_string(i) + " "));
  }
  EXPECT_EQ(outbox.flush(pipe.writer.get()), FlushResult::kDone);
  EXPECT_EQ(pipe.read(), expected);
}

TEST(Outbox, GoesOnInTheMiddleOfAFrame) {
  const Pipe pipe;
  Outbox outbox;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string text(static_cast<std::size_t>(997 + i), static_cast<char>('a' + i % 26));
    expected += text;
    outbox.push(frame(text));
  }
  std::string received;
  FlushResult result = outbox.flush(pipe.writer.get());
  EXPECT_EQ(result, FlushResult::kPartial);
  for (int i = 0; i < 10'000 && result == FlushResult::kPartial; ++i) {
    EXPECT_EQ(received.size() + outbox.bytes() <= expected.size(), true);
    received += pipe.read(777);
    result = outbox.flush(pipe.writer.get());
  }
  received += pipe.read();
  EXPECT_EQ(result, FlushResult::kDone);
  EXPECT_EQ(received, expected);
}

TEST(Outbox, MixesPushingAndPartialWritesWithoutGrowingForEver) {
  const Pipe pipe;
  Outbox outbox;
  std::string expected;
  std::string received;
  for (int i = 0; i < 5'000; ++i) {
    const std::string text = std::to_string(i) + std::string(100, '.');
    expected += text;
    outbox.push(frame(text));
    (void)outbox.flush(pipe.writer.get());
    received += pipe.read(outbox.frames() > 50 ? 400 : 90);
  }
  EXPECT_LE(outbox.capacity(), 512U);
  for (int i = 0; i < 10'000 && outbox.flush(pipe.writer.get()) != FlushResult::kDone; ++i) {
    received += pipe.read(4096);
  }
  EXPECT_EQ(received + pipe.read(), expected);
}

TEST(Outbox, SaysWhenTheConnectionIsGone) {
  Pipe pipe;
  Outbox outbox;
  outbox.push(frame("x"));
  pipe.reader.reset();
  EXPECT_EQ(outbox.flush(pipe.writer.get()), FlushResult::kBroken);
}

TEST(Outbox, DropsOnlyWhatHasNotBegun) {
  const Pipe pipe;
  Outbox outbox;
  std::string first(100'000, 'a');
  outbox.push(frame(first));
  outbox.push(frame("message"));
  outbox.push(frame("control", FrameKind::kControl));
  ASSERT_EQ(outbox.flush(pipe.writer.get()), FlushResult::kPartial);
  EXPECT_EQ(outbox.drop_unstarted(), 1U) << "control frames are not counted";
  EXPECT_EQ(outbox.frames(), 1U);
  outbox.push(frame("last"));
  std::string received;
  for (int i = 0; i < 1'000 && outbox.flush(pipe.writer.get()) != FlushResult::kDone; ++i) {
    received += pipe.read(8'192);
  }
  EXPECT_EQ(received + pipe.read(), first + "last");
}

TEST(Outbox, DropsEverythingWhenNothingHasBegun) {
  Outbox outbox;
  outbox.push(frame("one"));
  outbox.push(frame("two"));
  EXPECT_EQ(outbox.drop_unstarted(), 2U);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.bytes(), 0U);
}

TEST(Outbox, ClearCountsMessagesNotWhollyWritten) {
  const Pipe pipe;
  Outbox outbox;
  outbox.push(frame(std::string(100'000, 'a')));
  outbox.push(frame("b"));
  ASSERT_EQ(outbox.flush(pipe.writer.get()), FlushResult::kPartial);
  EXPECT_EQ(outbox.clear(), 2U);
  EXPECT_TRUE(outbox.empty());
}

TEST(Outbox, RemembersSinceWhenItIsOverTheSoftLimit) {
  Outbox outbox;
  outbox.push(frame("12345"));
  EXPECT_FALSE(outbox.note_backlog(5, 1'000)) << "at the limit is not over it";
  outbox.push(frame("6"));
  EXPECT_TRUE(outbox.note_backlog(5, 2'000));
  EXPECT_FALSE(outbox.note_backlog(5, 3'000));
  EXPECT_EQ(outbox.over_soft_since(), 2'000);
  (void)outbox.drop_unstarted();
  EXPECT_FALSE(outbox.note_backlog(5, 4'000));
  EXPECT_EQ(outbox.over_soft_since(), 0);
}

TEST(OutboxPool, GivesTheSameBoxAgainAndEmptiesIt) {
  OutboxPool pool;
  Outbox* outbox = pool.take();
  outbox->push(frame("left"));
  pool.give_back(outbox);
  EXPECT_EQ(pool.spare(), 1U);
  Outbox* again = pool.take();
  EXPECT_EQ(again, outbox);
  EXPECT_TRUE(again->empty());
  EXPECT_EQ(pool.spare(), 0U);
  pool.give_back(again);
}

TEST(OutboxPool, KeepsNoBoxThatHasGrownLarge) {
  OutboxPool pool;
  Outbox* outbox = pool.take();
  for (int i = 0; i < 100; ++i) {
    outbox->push(frame("x"));
  }
  pool.give_back(outbox);
  EXPECT_EQ(pool.spare(), 0U);
}

// --- with TLS ----------------------------------------------------------------------------------------------------

class OutboxTls : public testing::Test {
 protected:
  OutboxTls()
      : pair_(certificates_.server({.certificates = {certificates_.make("s", "DNS:a.test")}}),
              certificates_.authority()) {
    PW_CHECK(pair_.shake());
  }
  // Frames until the socket is full; what was given.
  std::string fill(Outbox& outbox) {
    std::string all;
    FlushResult result = FlushResult::kDone;
    for (int i = 0; result == FlushResult::kDone && i < 10'000; ++i) {
      const std::string text = std::to_string(i) + std::string(static_cast<std::size_t>(i % 7) * 3'000, 'x') + "|";
      all += text;
      outbox.push(frame(text));
      result = outbox.flush(*pair_.server);
    }
    EXPECT_EQ(result, FlushResult::kPartial);
    return all;
  }
  std::string receive_rest(Outbox& outbox) {
    std::string all;
    FlushResult result = FlushResult::kPartial;
    for (int i = 0; result == FlushResult::kPartial && i < 10'000; ++i) {
      all += pair_.client->receive();
      result = outbox.flush(*pair_.server);
    }
    EXPECT_EQ(result, FlushResult::kDone);
    return all + pair_.client->receive();
  }

  test::Certificates certificates_;
  test::TlsPair pair_;
};

TEST_F(OutboxTls, WritesFramesOfEverySizeInOrder) {
  Outbox outbox;
  std::string all;
  for (const std::size_t size : {1, 200, 16'384, 16'383, 2, 40'000, 3, 16'385, 5}) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    all += text;
    outbox.push(frame(text));
  }
  EXPECT_TRUE(receive_rest(outbox) == all);
  EXPECT_EQ(outbox.bytes(), 0U);
}

TEST_F(OutboxTls, GoesOnWhereAFullSocketStoppedIt) {
  Outbox outbox;
  std::string all = fill(outbox);
  EXPECT_GT(outbox.bytes(), 0U) << "what is encrypted still waits";
  outbox.push(frame("behind"));
  all += "behind";
  EXPECT_TRUE(receive_rest(outbox) == all);
}

TEST_F(OutboxTls, PutsNothingBeforeOrInsideWhatIsEncrypted) {
  Outbox outbox;
  const std::string all = fill(outbox);
  outbox.push(frame("behind"));
  outbox.remember(Outbox::Pong::kFrame, frame("pong"));
  outbox.queue_remembered();
  EXPECT_TRUE(receive_rest(outbox) == all + "pongbehind");
}

TEST_F(OutboxTls, TakesNothingBackThatIsEncrypted) {
  Outbox outbox;
  const std::string all = fill(outbox);
  outbox.push(frame("behind"));
  EXPECT_EQ(outbox.drop_unstarted(), 1U);
  EXPECT_TRUE(receive_rest(outbox) == all);
}

TEST_F(OutboxTls, IsBrokenWithItsConnection) {
  Outbox outbox;
  outbox.push(frame("lost"));
  pair_.client->close();
  EXPECT_EQ(outbox.flush(*pair_.server), FlushResult::kBroken);
}

}  // namespace
}  // namespace pushwire::net
