// What a slow client does to itself, and what it does not do to others.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "session/session_test_support.h"

namespace pushwire::session {
namespace {

using metrics::DropReason;
using protocol::Disconnect;
using test::Bench;
using test::Connected;
using Frames = std::vector<std::string>;

constexpr int kSmallBuffer = 4096;

// Numbered, so that order and gaps can be seen.
std::string numbered(int number, std::size_t size) {
  std::string text = std::to_string(number) + ".";
  return text.append(size - text.size(), 'x');
}

int number_of(const std::string& frame) {
  return frame.starts_with("text ") ? std::stoi(frame.substr(5)) : -1;
}

SessionOptions with_limits(std::size_t soft, MonotonicMs soft_for, std::size_t hard) {
  SessionOptions options;
  options.outbox_soft_bytes = soft;
  options.outbox_soft_for = soft_for;
  options.outbox_hard_bytes = hard;
  options.close_timeout = 300;
  return options;
}

// Reads with turns in between until the gateway has hung up or 2 s have passed.
Frames read_all(Bench& bench, test::Client& client) {
  Frames all;
  bench.run_until(2000, [&] {
    for (std::string& frame : client.frames()) {
      all.push_back(std::move(frame));
    }
    return client.eof();
  });
  return all;
}

TEST(ChannelSessionOutbox, KeepsWhatTheSocketDoesNotTakeAndSendsItInOrder) {
  Bench bench;
  Connected alice(bench, "alice", SOCK_STREAM, kSmallBuffer);
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(alice.session->send_message(test::message_frame(numbered(i, 1000))));
  }
  bench.turn();
  EXPECT_GT(bench.stats.outbox_bytes.value(), 0);
  Frames frames;
  EXPECT_TRUE(bench.run_until(2000, [&] {
    for (std::string& frame : alice.client.frames()) {
      frames.push_back(std::move(frame));
    }
    return frames.size() == 40;
  }));
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(frames[static_cast<std::size_t>(i)], "text " + numbered(i, 1000));
  }
  bench.turn();
  EXPECT_EQ(bench.stats.outbox_bytes.value(), 0);
  EXPECT_EQ(bench.stats.deliveries.value(), 40U);
  EXPECT_TRUE(alice.session->is_open());

  alice.session->send_message(test::message_frame("after"));
  bench.turn();
  EXPECT_EQ(alice.client.frames(), Frames{"text after"}) << "it writes without being asked again";
}

TEST(ChannelSessionOutbox, TakesABurstOfOneTurnThatTheKernelHasRoomFor) {
  Bench bench(with_limits(10'000, 60'000, 20'000));
  Connected alice(bench, "alice");
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(alice.session->send_message(test::message_frame(numbered(i, 9000)))) << i;
  }
  bench.turn();
  EXPECT_EQ(alice.client.frames().size(), 10U);
  EXPECT_TRUE(alice.session->is_open());
}

TEST(ChannelSessionOutbox, AdmitsOneMessageOverTheHardLimitToAnEmptyOutbox) {
  Bench bench(with_limits(1000, 60'000, 2000));
  Connected alice(bench, "alice", SOCK_STREAM, kSmallBuffer);
  EXPECT_TRUE(alice.session->send_message(test::message_frame(numbered(1, 50'000))));
  bench.turn();
  EXPECT_GT(bench.stats.outbox_bytes.value(), 2000);
  EXPECT_TRUE(alice.session->is_open());
  EXPECT_FALSE(alice.session->send_message(test::message_frame(numbered(2, 10))));
  EXPECT_FALSE(alice.session->is_open());
}

// The close frame comes after the frame that was half written when the client was given up: the stream stays one that
// a client can read to its end.
TEST(ChannelSessionOutbox, ClosesAtTheHardLimitAndKeepsTheStreamWellFormed) {
  Bench bench(with_limits(1'000'000, 60'000, 20'000));
  Connected alice(bench, "alice", SOCK_STREAM, kSmallBuffer);
  int sent = 0;
  while (alice.session->send_message(test::message_frame(numbered(sent, 1500)))) {
    ++sent;
    bench.turn();
    ASSERT_LT(sent, 100);
  }
  EXPECT_FALSE(alice.session->is_open());
  EXPECT_EQ(bench.disconnects(Disconnect::kSlowClient), 1U);
  EXPECT_LT(bench.stats.outbox_bytes.value(), 3000) << "what was not begun is dropped at once";

  const Frames frames = read_all(bench, alice.client);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back(), "close 3008 slow client");
  EXPECT_FALSE(alice.client.inside_frame());
  for (std::size_t i = 0; i + 1 < frames.size(); ++i) {
    EXPECT_EQ(number_of(frames[i]), static_cast<int>(i));
  }
  const auto received = frames.size() - 1;
  EXPECT_GT(received, 0U);
  EXPECT_LT(received, static_cast<std::size_t>(sent));
  EXPECT_EQ(bench.drops(DropReason::kSlowClient), static_cast<std::size_t>(sent) - received + 1)
      << "those in the outbox and the one that did not fit";
  EXPECT_EQ(bench.stats.outbox_bytes.value(), 0);
}

TEST(ChannelSessionOutbox, ClosesWhoStaysOverTheSoftLimit) {
  Bench bench(with_limits(5000, 300, 1'000'000));
  Connected alice(bench, "alice", SOCK_STREAM, kSmallBuffer);
  Connected bob(bench, "bob");
  for (int i = 0; i < 30; ++i) {
    alice.session->send_message(test::message_frame(numbered(i, 1000)));
    bob.session->send_message(test::message_frame(numbered(i, 1000)));
  }
  bench.run_for(200);
  EXPECT_TRUE(alice.session->is_open());
  EXPECT_TRUE(bench.run_until(1000, [&] { return bench.disconnects(Disconnect::kSlowClient) == 1; }));
  EXPECT_EQ(bob.client.frames().size(), 30U);
  EXPECT_TRUE(bob.session->is_open());
  const Frames frames = read_all(bench, alice.client);
  EXPECT_EQ(frames.back(), "close 3008 slow client");
  EXPECT_EQ(bench.drops(DropReason::kSlowClient) + frames.size() - 1, 30U);
}

TEST(ChannelSessionOutbox, KeepsWhoComesBackUnderTheSoftLimitInTime) {
  Bench bench(with_limits(5000, 300, 1'000'000));
  Connected alice(bench, "alice", SOCK_STREAM, kSmallBuffer);
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 20; ++i) {
      alice.session->send_message(test::message_frame(numbered(i, 1000)));
    }
    bench.run_for(150);  // over it for a while, again and again, but each time anew
    std::size_t got = 0;
    EXPECT_TRUE(bench.run_until(1000, [&] {
      got += alice.client.frames().size();
      return got == 20;
    }));
    bench.turn();
  }
  EXPECT_TRUE(alice.session->is_open());
}

TEST(ChannelSessionOutbox, CountsWhatAClosingConnectionCouldNotWrite) {
  Bench bench(with_limits(1'000'000, 60'000, 1'000'000));
  Connected alice(bench, "alice", SOCK_STREAM, kSmallBuffer);
  for (int i = 0; i < 20; ++i) {
    alice.session->send_message(test::message_frame(numbered(i, 1000)));
  }
  alice.session->close(Disconnect::kShutdown);
  EXPECT_TRUE(bench.run_until(1500, [&] { return bench.manager.size() == 0; }));  // close_timeout
  const std::size_t received = alice.client.frames().size();  // with the half that was written in front of the end
  EXPECT_GT(bench.drops(DropReason::kClosing), 0U);
  EXPECT_EQ(bench.drops(DropReason::kClosing) + received, 20U);
  EXPECT_EQ(bench.drops(DropReason::kSlowClient), 0U);
  EXPECT_EQ(bench.stats.outbox_bytes.value(), 0);
}

TEST(ChannelSessionOutbox, WritesWhatWaitsAndThenTheCloseFrame) {
  Bench bench;
  Connected alice(bench, "alice", SOCK_STREAM, kSmallBuffer);
  for (int i = 0; i < 20; ++i) {
    alice.session->send_message(test::message_frame(numbered(i, 1000)));
  }
  alice.session->close(Disconnect::kShutdown);
  Frames frames;
  bench.run_until(1000, [&] {
    for (std::string& frame : alice.client.frames()) {
      frames.push_back(std::move(frame));
    }
    return frames.size() == 21;
  });
  ASSERT_EQ(frames.size(), 21U);
  EXPECT_EQ(frames.back(), "close 3001 shutdown");
  EXPECT_EQ(bench.drops(DropReason::kClosing), 0U);
}

TEST(ChannelSessionOutbox, DropsAndCountsWhenTheClientIsGone) {
  Bench bench;
  Connected alice(bench, "alice", SOCK_STREAM, kSmallBuffer);
  for (int i = 0; i < 20; ++i) {
    alice.session->send_message(test::message_frame(numbered(i, 1000)));
  }
  bench.turn();
  alice.client.hang_up();
  bench.turn();
  EXPECT_EQ(bench.manager.size(), 0U);
  EXPECT_GT(bench.drops(DropReason::kClosing), 0U);
  EXPECT_EQ(bench.stats.outbox_bytes.value(), 0);
  EXPECT_EQ(bench.disconnects(Disconnect::kAbnormal), 1U);
}

TEST(ChannelSessionOutbox, NoticesAtTheWriteThatTheClientIsGone) {
  Bench bench;
  Connected alice(bench, "alice");
  alice.client.hang_up();
  EXPECT_TRUE(alice.session->send_message(test::message_frame("too late")));
  bench.manager.flush();
  EXPECT_FALSE(alice.session->is_open());
  EXPECT_EQ(bench.drops(DropReason::kClosing), 1U);
  bench.manager.destroy_closed();
  EXPECT_EQ(bench.manager.size(), 0U);
}

// A client that pings and does not read must not fill memory with pongs.
TEST(ChannelSessionOutbox, QueuesNoPongsBehindAFullSocket) {
  Bench bench;
  Connected alice(bench, "alice", SOCK_STREAM, kSmallBuffer);
  alice.session->send_message(test::message_frame(numbered(0, 30'000)));
  bench.turn();
  const std::int64_t waiting = bench.stats.outbox_bytes.value();
  ASSERT_GT(waiting, 0);
  for (int i = 0; i < 50; ++i) {
    alice.client.ping(std::string(100, 'p'));
    alice.client.text(R"({"type":"ping"})");
    bench.turn();
  }
  EXPECT_EQ(bench.stats.outbox_bytes.value(), waiting);
}

// Empty pings are six bytes, their pongs two: what they cost is frames, which no limit in bytes sees.
TEST(ChannelSessionOutbox, FloodOfEmptyPingsHeapsUpNoPongs) {
  Bench bench;
  Connected alice(bench, "alice", SOCK_STREAM, kSmallBuffer);
  bench.turn();
  const std::string pings = [] {
    std::string all;
    for (int i = 0; i < 10'000; ++i) {
      all += decltype(Connected::client)::frame(0x89, {});
    }
    return all;
  }();
  std::int64_t most = 0;
  for (std::size_t sent = 0; sent < pings.size();) {
    sent += alice.client.try_send(std::string_view(pings).substr(sent));
    bench.turn();
    most = std::max(most, bench.stats.outbox_bytes.value());
    if (sent < pings.size() && most > 0) {
      break;  // the socket is full and pongs wait: more pings cannot be sent now
    }
  }
  EXPECT_LE(most, 65 * 2) << "at most one batch of pongs waits";
  EXPECT_TRUE(alice.session->is_open());
}

TEST(ChannelSessionOutbox, AnswersToClientsCountAgainstTheHardLimitToo) {
  Bench bench(with_limits(1000, 60'000, 3000));
  Connected alice(bench, "alice", SOCK_STREAM, kSmallBuffer);
  alice.session->send_message(test::message_frame(numbered(0, 30'000)));
  bench.turn();
  alice.client.text(R"({"type":"subscribe","topic":"not a topic"})");
  bench.turn();
  EXPECT_FALSE(alice.session->is_open());
  EXPECT_EQ(bench.disconnects(Disconnect::kSlowClient), 1U);
}

}  // namespace
}  // namespace pushwire::session
