#include "bus/rocketmq/remoting_connection.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

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
  int ends = -1;
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

TEST_F(RemotingConnectionTest, AServerThatEndsTheConnectionBeforeItAnswersMayWantTls) {
  broker.scripts[RequestCode::kPull] = [](const FakeBroker::Asked&) { return true; };
  for (const RequestCode code : {RequestCode::kSend, RequestCode::kMaxOffset, RequestCode::kRoute}) {
    broker.scripts[code] = [this](const FakeBroker::Asked& asked) {
      ends = asked.connection;
      return true;
    };
  }
  broker.drop_connections();
  ASSERT_TRUE(wait([this] {
    if (ends >= 0) {
      ::shutdown(std::exchange(ends, -1), SHUT_RDWR);
    }
    return reason.find("bus.rocketmq.name_servers (or bus.rocketmq.tls, if it wants TLS)") != std::string::npos;
  })) << reason;
}

TEST_F(RemotingConnectionTest, AServerThatAnswersAndEndsTheConnectionEachTimeIsCalledLessAndLess) {
  for (const RequestCode code : {RequestCode::kPull, RequestCode::kSend}) {
    broker.scripts[code] = [this](const FakeBroker::Asked& asked) {
      const bool is_first_pull = asked.number("sysFlag") == 4;  // that is answered well, as it would be otherwise
      if (!is_first_pull) {
        broker.answer(asked, answer::kGoAway);
      }
      return !is_first_pull;
    };
  }
  const std::size_t before = broker.accepted;
  const MonotonicMs start = monotonic_ms();
  broker.drop_connections();
  // Twelve, and one of the name server's: reader or writer came six times, after half of 100, 200, … 3200 ms at least.
  ASSERT_TRUE(wait([this, before] { return broker.accepted >= before + 13; }));
  EXPECT_GE(monotonic_ms() - start, 3'000);
}

}  // namespace
}  // namespace pushwire::bus::rocketmq
