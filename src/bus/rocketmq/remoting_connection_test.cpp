#include "bus/rocketmq/remoting_connection.h"

#include <gtest/gtest.h>

#include <string>

#include "bus/rocketmq/link_fixture.h"

namespace pushwire::bus::rocketmq {
namespace {

using namespace std::string_literals;

class RemotingConnectionTest : public LinkFixture {
 protected:
  void SetUp() override {
    broker.queues = 1;
    ASSERT_TRUE(open());
    ASSERT_TRUE(wait_up());
    ASSERT_TRUE(wait([this] { return broker.asked.back().number("sysFlag") == 6; }));
    pull = broker.asked.back();
  }
  void write_request(int code, std::uint32_t flag) {
    std::string frame;
    append_request(frame, {.code = code, .opaque = pull.header.opaque, .flag = flag}, {}, {});
    broker.write(pull.connection, frame);
  }
  // The connection goes on as if nothing had been.
  void expect_alive() {
    const std::size_t before = broker.accepted;
    broker.stored[0].push_back("record");
    ASSERT_TRUE(wait([this] { return records.size() == 1; }));
    EXPECT_EQ(broker.accepted, before);
  }
  void expect_new_connection(std::string_view bytes) {
    const std::size_t before = broker.accepted;
    broker.write(pull.connection, bytes);
    ASSERT_TRUE(wait([this, before] { return broker.accepted > before; }));
    broker.stored[0].push_back("record");
    ASSERT_TRUE(wait([this] { return records.size() == 1; }));
    EXPECT_TRUE(gaps.empty());
  }

  FakeBroker::Asked pull;
};

TEST_F(RemotingConnectionTest, ARequestThatWantsNoAnswerIsLeftAloneThoughItsOpaqueIsOneOfOurs) {
  write_request(40, Header::kOneWay);
  expect_alive();
}

TEST_F(RemotingConnectionTest, AnotherRequestOfTheServersIsAnsweredWithNotSupported) {
  write_request(220, 0);
  ASSERT_TRUE(wait([this] { return broker.asked.back().header.is_answer(); }));
  EXPECT_EQ(broker.asked.back().header.code, 3);
  EXPECT_EQ(broker.asked.back().header.opaque, pull.header.opaque);
  expect_alive();
}

TEST_F(RemotingConnectionTest, AnAnswerToNothingIsLeftAlone) {
  FakeBroker::Asked wrong = pull;
  wrong.header.opaque += 1'000;
  broker.answer(wrong, 0);
  expect_alive();
}

TEST_F(RemotingConnectionTest, AFrameThatIsTooLongEndsTheConnection) {
  expect_new_connection("\x01\x00\x00\x00\x00\x00\x00\x02"s);
}

TEST_F(RemotingConnectionTest, ADamagedHeaderEndsTheConnection) {
  expect_new_connection("\x00\x00\x00\x06\x00\x00\x00\x02{]"s);
}

TEST_F(RemotingConnectionTest, AServerOfAnotherKindEndsTheConnection) {
  expect_new_connection("HTTP/1.1 400 Bad Request\r\n\r\n");
}

TEST_F(RemotingConnectionTest, HalfAFrameAndThenTheEndLosesNothing) {
  broker.write(pull.connection, "\x00\x00\x01\x00\x00\x00\x00\x80{\"code\":0"s);
  std::size_t turns = 0;
  ASSERT_TRUE(wait([&turns] { return ++turns > 5; }));
  broker.drop_connections();
  broker.stored[0].push_back("record");
  ASSERT_TRUE(wait([this] { return records.size() == 1; }));
  EXPECT_TRUE(gaps.empty());
}

TEST_F(RemotingConnectionTest, AServerThatAsksItsClientsToGoIsLeftAndCalledAgain) {
  const std::size_t before = broker.accepted;
  broker.answer(pull, answer::kGoAway);
  ASSERT_TRUE(wait([this, before] { return broker.accepted > before; }));
  ASSERT_TRUE(wait_up());
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
