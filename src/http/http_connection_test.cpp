#include "http/http_connection.h"

#include <gtest/gtest.h>

#include <string>

#include "http/testing_server.h"

namespace pushwire::http {
namespace {

using testing::answers_in;
using testing::TestServer;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

std::string get(std::string_view path, std::string_view headers = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: h\r\n{}\r\n", path, headers);
}

std::string post(std::string_view path, std::string_view body) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}", path, body.size(), body);
}

TEST(HttpConnection, KeepsAliveBetweenRequests) {
  TestServer test;
  const net::Fd client = test.connect();
  EXPECT_EQ(answers_in(test.exchange(client, kGet)), "200 GET /a \n");
  EXPECT_EQ(answers_in(test.exchange(client, post("/b", "body"))), "200 POST /b body\n");
  EXPECT_EQ(test.server.open_count(), 1U);
}

TEST(HttpConnection, ReadsRequestsInAnyPieces) {
  TestServer test;
  const net::Fd client = test.connect();
  const std::string bytes = post("/1", "x") +
                            "POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
                            get("/3");
  std::string received;
  for (const char byte : bytes) {
    received += test.exchange(client, std::string_view(&byte, 1));
  }
  EXPECT_EQ(answers_in(received), "200 POST /1 x\n200 POST /2 abc\n200 GET /3 \n");
}

TEST(HttpConnection, AnswersPipelinedRequestsInOrderInOneWrite) {
  TestServer test;
  const net::Fd client = test.connect();
  TestServer::write(client, get("/1") + post("/2", "b") + get("/3"));
  test.turns(1);
  EXPECT_EQ(answers_in(test.receive(client)), "200 GET /1 \n200 POST /2 b\n200 GET /3 \n");
}

TEST(HttpConnection, ParsesNothingBehindARequestThatAwaitsItsAnswer) {
  TestServer test;
  const net::Fd client = test.connect();
  test.send(client, get("/1") + get("/later") + get("/3") + get("/later2") + "bad\n");
  EXPECT_EQ(answers_in(test.receive(client)), "200 GET /1 \n");
  ASSERT_EQ(test.requests.size(), 2U);
  test.server.find(test.waiting[0])->respond(TestServer::text("late"));
  test.turns();
  EXPECT_EQ(answers_in(test.receive(client)), "200 late\n200 GET /3 \n");
  ASSERT_EQ(test.waiting.size(), 2U);
  test.server.find(test.waiting[1])->respond(TestServer::text("later"));
  test.turns();
  const std::string rest = test.receive(client);
  EXPECT_TRUE(answers_in(rest).starts_with("200 later\n400 {\"error\"")) << rest;
  EXPECT_EQ(test.refused, std::vector<int>{400});
}

TEST(HttpConnection, BoundsInputWhileAnAnswerIsAwaited) {
  TestServer test;
  const net::Fd client = test.connect();
  test.send(client, get("/later"));
  std::size_t written = 0;
  const std::string filler(16 * 1024, 'x');
  for (int i = 0; i < 1000; ++i) {
    written += TestServer::write(client, filler);
    test.turns(1);
  }
  EXPECT_LT(written, std::size_t{1} << 20);  // the kernel's buffer, and nothing of ours
}

TEST(HttpConnection, ManyPipelinedRequestsAreSpreadOverTurns) {
  TestServer test;
  const net::Fd client = test.connect();
  std::string bytes;
  for (int i = 0; i < 200; ++i) {
    bytes += kGet;
  }
  TestServer::write(client, bytes);
  test.turns(1);
  EXPECT_EQ(test.requests.size(), 64U);
  test.turns(4);
  EXPECT_EQ(test.requests.size(), 200U);
}

TEST(HttpConnection, HeadIsAnsweredWithoutBodyButWithItsLength) {
  TestServer test;
  const net::Fd client = test.connect();
  const std::string answer = test.exchange(client, "HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n" + get("/x"));
  EXPECT_NE(answer.find("Content-Length: 10\r\n"), std::string::npos);  // "HEAD /abc "
  EXPECT_EQ(answer.find("HEAD /abc"), std::string::npos);
  EXPECT_NE(answer.find("GET /x"), std::string::npos);
}

TEST(HttpConnection, ConnectionCloseIsAnsweredThenEnded) {
  TestServer test;
  const net::Fd client = test.connect();
  const std::string answer = test.exchange(client, get("/a", "Connection: close\r\n") + get("/never"));
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(answers_in(answer), "200 GET /a \n<end>");
  EXPECT_EQ(test.requests.size(), 1U);
}

TEST(HttpConnection, Http10EndsUnlessItAsksToGoOn) {
  TestServer test;
  const net::Fd one = test.connect();
  EXPECT_EQ(answers_in(test.exchange(one, "GET /a HTTP/1.0\r\n\r\n")), "200 GET /a \n<end>");
  const net::Fd two = test.connect();
  const std::string answer = test.exchange(two, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(answer.find("Connection: keep-alive\r\n"), std::string::npos);
  EXPECT_EQ(answers_in(test.exchange(two, "GET /b HTTP/1.0\r\n\r\n")), "200 GET /b \n<end>");
}

// Attack 18: a refused upgrade is not 101, says close, and what was pipelined behind it is never looked at.
TEST(HttpConnection, NeverParsesBehindARefusedUpgrade) {
  TestServer test;
  const net::Fd client = test.connect();
  const std::string upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n";
  test.send(client, get("/upgrade", upgrade) + get("/smuggled"));
  ASSERT_EQ(test.waiting.size(), 1U);
  test.server.find(test.waiting[0])->respond(json_error(426, "upgrade_required", "13").and_close());
  test.turns();
  TestServer::write(client, get("/smuggled-later"));
  test.turns();
  const std::string answer = test.receive(client);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"));
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("}}<end>"));
  EXPECT_EQ(test.requests, std::vector<std::string>{"/upgrade"});
}

TEST(HttpConnection, LingersSoThatTheAnswerIsReadBeforeTheEnd) {
  TestServer test;
  const net::Fd client = test.connect();
  test.send(client, get("/close") + std::string(10'000, 'x'));
  EXPECT_EQ(test.closed, 0);
  TestServer::write(client, std::string(10'000, 'y'));
  test.turns();
  EXPECT_EQ(answers_in(test.receive(client)), "200 closed\n<end>");
  ::shutdown(client.get(), SHUT_WR);
  test.turns();
  EXPECT_EQ(test.closed, 1);
  EXPECT_EQ(test.server.open_count(), 0U);
}

TEST(HttpConnection, LingeringIsBoundedInTimeAndBytes) {
  TestServer test;
  const net::Fd slow = test.connect();
  test.send(slow, get("/close"));
  test.let_pass(800);
  EXPECT_EQ(test.closed, 0);
  test.let_pass(500);
  EXPECT_EQ(test.closed, 1);
  const net::Fd talkative = test.connect();
  test.send(talkative, get("/close"));
  const std::string filler(32 * 1024, 'x');
  for (int i = 0; i < 20 && test.closed < 2; ++i) {
    TestServer::write(talkative, filler);
    test.turns();
  }
  EXPECT_EQ(test.closed, 2);
}

TEST(HttpConnection, SlowHeadIsToldSoAndClosed) {
  TestServer test;
  const net::Fd silent = test.connect();
  const net::Fd slow = test.connect();
  test.send(slow, "GET / HTTP/1.1\r\nHo");
  test.let_pass(9'000);
  TestServer::write(slow, "st: h");  // a byte now and then does not help (attack 12)
  test.turns();
  EXPECT_EQ(test.receive(slow), "");
  test.let_pass(1'500);
  for (const net::Fd* client : {&silent, &slow}) {
    const std::string answer = answers_in(test.receive(*client));
    EXPECT_TRUE(answer.starts_with("408 {\"error\":{\"code\":\"request_timeout\"")) << answer;
    EXPECT_TRUE(answer.ends_with("<end>"));
  }
  EXPECT_EQ(test.refused, (std::vector<int>{408, 408}));
}

TEST(HttpConnection, SlowHeadOfALaterRequestIsToldSoToo) {
  TestServer test;
  const net::Fd client = test.connect();
  test.exchange(client, kGet);
  test.send(client, "GET /b");
  test.let_pass(10'500);
  EXPECT_TRUE(answers_in(test.receive(client)).starts_with("408 "));
}

TEST(HttpConnection, SlowBodyIsToldSoAndClosed) {
  TestServer test;
  const net::Fd client = test.connect();
  test.exchange(client, kGet);
  test.send(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  test.let_pass(9'000);
  EXPECT_EQ(test.receive(client), "");
  test.let_pass(1'500);
  EXPECT_TRUE(answers_in(test.receive(client)).starts_with("408 "));
  EXPECT_EQ(test.requests.size(), 1U);
}

TEST(HttpConnection, IdleConnectionIsClosedWithoutAWord) {
  TestServer test;
  const net::Fd client = test.connect();
  test.exchange(client, kGet);
  test.let_pass(70'000);
  EXPECT_EQ(test.closed, 0);
  test.let_pass(6'000);
  EXPECT_EQ(test.receive(client), "<end>");
  EXPECT_EQ(test.closed, 1);
}

TEST(HttpConnection, WaitsForTheHandlerHoweverLongItTakes) {
  TestServer test;
  const net::Fd client = test.connect();
  test.send(client, get("/later"));
  test.let_pass(100'000);
  ASSERT_NE(test.server.find(test.waiting[0]), nullptr);
  test.server.find(test.waiting[0])->respond(TestServer::text("late"));
  test.turns();
  EXPECT_EQ(answers_in(test.receive(client)), "200 late\n");
}

TEST(HttpConnection, TooLargeHeadIs431) {
  TestServer test;
  const net::Fd client = test.connect();
  const std::string answer = answers_in(test.exchange(client, get("/a", "X: " + std::string(20'000, 'x'))));
  EXPECT_TRUE(answer.starts_with("431 {\"error\":{\"code\":\"head_too_large\"")) << answer;
  EXPECT_TRUE(answer.ends_with("<end>"));
}

TEST(HttpConnection, TooLargeBodyIs413UnlessTheHandlerRefusesForAnotherReason) {
  TestServer test;
  const net::Fd client = test.connect();
  EXPECT_TRUE(answers_in(test.exchange(client, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n"))
                  .starts_with("413 "));
  const net::Fd other = test.connect();
  const std::string answer =
      test.exchange(other, "POST /refused HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n");
  EXPECT_TRUE(answers_in(answer).starts_with("401 ")) << answer;
  EXPECT_TRUE(answer.ends_with("<end>"));
  EXPECT_EQ(test.heads, (std::vector<std::string>{"/a", "/refused"}));
  EXPECT_EQ(test.refused, std::vector<int>{413});
}

// Over TCP, where a close with unread input is a reset that can destroy the answer on its way.
TEST(HttpConnection, ClientThatGoesOnSendingStillReadsItsRefusal) {
  TestServer test;
  const net::Fd client = test.connect_tcp();
  TestServer::write(client,
                    "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n" + std::string(30'000, 'x'));
  test.turns(10);
  TestServer::write(client, std::string(30'000, 'y'));
  test.turns(10);
  const std::string answer = answers_in(TestServer::receive(client));
  EXPECT_TRUE(answer.starts_with("413 ")) << answer;
  EXPECT_TRUE(answer.ends_with("<end>")) << answer;
}

TEST(HttpConnection, HandlerMayRefuseBeforeTheBodyIsRead) {
  TestServer test;
  const net::Fd client = test.connect();
  const std::string answer = answers_in(test.exchange(client, post("/refused", "GET /smuggled HTTP/1.1\r\n\r\n")));
  EXPECT_TRUE(answer.starts_with("401 ")) << answer;
  EXPECT_TRUE(answer.ends_with("<end>"));
  EXPECT_TRUE(test.requests.empty());
}

TEST(HttpConnection, HandlerSeesEachHeadOnce) {
  TestServer test;
  const net::Fd client = test.connect();
  const std::string answer = answers_in(
      test.exchange(client, "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nffffff\r\n"));
  EXPECT_TRUE(answer.starts_with("413 ")) << answer;
  EXPECT_EQ(test.heads, std::vector<std::string>{"/c"});
}

TEST(HttpConnection, ExpectContinueIsAnsweredBeforeTheBody) {
  TestServer test;
  const net::Fd client = test.connect();
  const std::string head = "POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  EXPECT_EQ(test.exchange(client, head), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(answers_in(test.exchange(client, "ab")), "200 POST /e ab\n");
  EXPECT_EQ(answers_in(test.exchange(client, head + "ab")), "200 POST /e ab\n") << "not needed when the body is here";
}

TEST(HttpConnection, OtherExpectationsAreRefused) {
  TestServer test;
  const net::Fd client = test.connect();
  const std::string answer =
      answers_in(test.exchange(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: cake\r\n\r\n"));
  EXPECT_TRUE(answer.starts_with("417 ")) << answer;
}

TEST(HttpConnection, HalfClosedClientStillGetsItsAnswers) {
  TestServer test;
  const net::Fd client = test.connect();
  TestServer::write(client, get("/1") + get("/later") + get("/3"));
  ::shutdown(client.get(), SHUT_WR);
  test.turns();
  ASSERT_EQ(test.waiting.size(), 1U);
  test.server.find(test.waiting[0])->respond(TestServer::text("late"));
  test.turns();
  EXPECT_EQ(answers_in(test.receive(client)), "200 GET /1 \n200 late\n200 GET /3 \n<end>");
  EXPECT_EQ(test.closed, 1);
  EXPECT_EQ(test.abandoned, 0);
}

TEST(HttpConnection, ClientThatGoesAwayIsForgotten) {
  TestServer test;
  net::Fd client = test.connect();
  net::Fd in_request = test.connect();
  net::Fd waiting = test.connect();
  test.send(in_request, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  test.send(waiting, get("/later"));
  client.reset();
  in_request.reset();
  waiting.reset();
  test.turns();
  EXPECT_EQ(test.closed, 3);
  EXPECT_EQ(test.abandoned, 1);
  EXPECT_EQ(test.server.find(test.waiting[0]), nullptr);
  EXPECT_EQ(test.server.open_count(), 0U);
}

TEST(HttpConnection, ClientThatNeverReadsIsBoundedThenClosed) {
  TestServer test;
  const net::Fd client = test.connect(8 * 1024);
  std::string bytes;
  for (int i = 0; i < 50; ++i) {
    bytes += get("/big");
  }
  TestServer::write(client, bytes);
  test.turns(20);
  EXPECT_EQ(test.requests.size(), 1U) << "one answer over the limit, then nothing more is parsed";
  test.let_pass(11'000);
  EXPECT_EQ(test.closed, 1);
}

TEST(HttpConnection, SlowReaderGetsEverythingInOrder) {
  TestServer test;
  const net::Fd client = test.connect(8 * 1024);
  TestServer::write(client, get("/big") + get("/big") + get("/last"));
  std::string all;
  for (int i = 0; i < 20'000 && all.find("GET /last") == std::string::npos; ++i) {
    test.turns(1);
    all += TestServer::receive(client, 3'000);
  }
  EXPECT_EQ(answers_in(all), fmt::format("200 {0}\n200 {0}\n200 GET /last \n", std::string(1 << 20, 'b')));
  EXPECT_EQ(test.closed, 0);
}

TEST(HttpConnection, TakeOverHandsOverDescriptorAndLeftoverBytes) {
  TestServer test;
  const net::Fd client = test.connect();
  test.send(client, get("/take", "Connection: Upgrade\r\n") + "leftover");
  ASSERT_EQ(test.taken.size(), 1U);
  EXPECT_EQ(test.taken[0].leftover, "leftover");
  EXPECT_EQ(test.server.open_count(), 0U);
  EXPECT_EQ(test.closed, 0);
  EXPECT_EQ(::send(test.taken[0].fd.get(), "hi", 2, 0), 2);
  test.send(client, "more");
  EXPECT_EQ(TestServer::receive(test.taken[0].fd), "more");
  EXPECT_EQ(test.receive(client), "hi");
}

TEST(HttpConnection, TakeOverMayComeLater) {
  TestServer test;
  const net::Fd client = test.connect();
  test.send(client, get("/upgrade", "Connection: Upgrade\r\n") + "left");
  TestServer::write(client, "unread");
  test.turns();
  const TakenOver taken = test.server.find(test.waiting[0])->take_over();
  EXPECT_EQ(taken.leftover, "left");
  EXPECT_EQ(test.server.find(test.waiting[0]), nullptr);
  test.turns();
  EXPECT_EQ(TestServer::receive(taken.fd), "unread");
}

TEST(HttpConnection, UpgradeWaitsUntilEarlierAnswersHaveLeft) {
  TestServer test;
  const net::Fd client = test.connect(8 * 1024);
  TestServer::write(client, get("/big") + get("/take", "Connection: Upgrade\r\n") + "rest");
  test.turns();
  EXPECT_TRUE(test.taken.empty());
  std::string all;
  for (int i = 0; i < 20'000 && test.taken.empty(); ++i) {
    all += TestServer::receive(client, 3'000);
    test.turns(1);
  }
  all += TestServer::receive(client);
  ASSERT_EQ(test.taken.size(), 1U);
  EXPECT_EQ(test.taken[0].leftover, "rest");
  EXPECT_EQ(answers_in(all), fmt::format("200 {}\n", std::string(1 << 20, 'b')));
}

TEST(HttpConnection, HandlerMayCloseInsideTheCallback) {
  TestServer test;
  const net::Fd client = test.connect();
  EXPECT_EQ(answers_in(test.exchange(client, get("/1") + get("/kill") + get("/3"))), "<end>");
  EXPECT_EQ(test.closed, 1);
  EXPECT_EQ(test.abandoned, 1);
}

}  // namespace
}  // namespace pushwire::http
