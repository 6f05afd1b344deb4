#include "bus/nats/stream_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bus/nats/connection_fixture.h"

namespace pushwire::bus::nats {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr const char* kInfo = "STREAM.INFO";
constexpr const char* kMake = "STREAM.CREATE";
constexpr const char* kConsumer = "CONSUMER.CREATE";
constexpr const char* kMissing = R"({"error":{"code":404,"err_code":10059,"description":"stream not found"}})";
constexpr std::chrono::milliseconds kHeartbeat{1'500};
constexpr MonotonicMs kHeartbeatMs = kHeartbeat.count();
constexpr MonotonicMs kAnswerMs = 6'000;

std::string stream(std::uint64_t first, std::uint64_t last, std::string_view created = "monday") {
  return fmt::format(R"({{"created":"{}","state":{{"first_seq":{},"last_seq":{}}}}})", created, first, last);
}

class NatsStreamReaderTest : public ConnectionFixture, protected StreamReaderOwner {
 protected:
  // The stream holds 1 to 41: the first record to come is 42.
  void SetUp() override {
    server_.answer(kInfo, stream(1, 41));
    server_.answer(kConsumer, R"({"name":"c"})");
  }
  void begin() {
    ready_ = 0;
    open(server_);
    reader_.reset();
    ASSERT_TRUE(reader_.begin(*connection_, loop_.now()));
  }
  void become_ready() {
    begin();
    ASSERT_TRUE(turn_until([this] { return ready_ == 1; })) << testing::PrintToString(broken_);
  }
  void push(std::uint64_t stream_number, std::uint64_t consumer_number) {
    server_.push_record(connection_->private_subject(), stream_number, consumer_number,
                        "record " + std::to_string(stream_number));
  }
  void push_control(const std::string& status, const std::string& more = "", const std::string& reply = "") {
    server_.push_control(connection_->private_subject(), status, more, reply);
  }
  // A record that the library keeps to itself.
  void push_poison() { push_control("503", "", "$JS.ACK.test.c.1.43.2.1700000000.0"); }
  bool gets(std::size_t count) {
    return turn_until([&] { return records_.size() == count; });
  }
  bool answers() {
    return turn_until([this] { return connection_->unanswered_for(loop_.now() + 1) == 0; });
  }
  bool breaks() {
    return turn_until([this] { return !broken_.empty(); });
  }
  std::vector<std::string> requests() const {
    std::vector<std::string> found;
    for (const FakeServer::Message& message : server_.received("$JS.API.")) {
      found.push_back(message.subject.substr(8));
    }
    return found;
  }
  std::string last_request(const std::string& api) const {
    const auto all = server_.received("$JS.API." + api + ".test");
    return all.empty() ? "none" : all.back().bytes;
  }

  // ConnectionOwner: the same as the link does.
  void on_data(Connection&, natsMsg& message) override { reader_.on_data(message, loop_.now()); }
  void on_inbox(Connection&, std::string_view name, std::string_view body) override { reader_.on_inbox(name, body); }
  void on_answer(Connection&, std::uint64_t) override {}
  void on_swallowed(Connection&) override { reader_.on_swallowed(loop_.now()); }
  void on_nobody(Connection&) override { reader_.on_nobody(); }
  void on_lost(Connection&, natsStatus, std::string_view text) override { ADD_FAILURE() << text; }
  // StreamReaderOwner
  void on_ready() override {
    EXPECT_TRUE(reader_.ready());
    ++ready_;
  }
  void on_stream_record(std::string_view bytes) override { records_.emplace_back(bytes); }
  void on_records_missed(std::string_view reason) override { missed_.emplace_back(reason); }
  void on_broken(std::string_view reason) override {
    broken_.emplace_back(reason);
    connection_->close();
    reader_.reset();
  }

  FakeServer server_{Order::kWork};
  StreamReader reader_{*this, {"test", "test.bus", std::chrono::seconds(120), std::chrono::seconds(30), kHeartbeat}};
  int ready_ = 0;
  std::vector<std::string> records_;
  std::vector<std::string> missed_;
  std::vector<std::string> broken_;
};

TEST_F(NatsStreamReaderTest, MakesTheStreamWhenItIsMissingAndThenTheConsumer) {
  server_.answer(kInfo, kMissing);
  server_.answer(kMake, stream(0, 0));
  become_ready();
  EXPECT_THAT(requests(), ElementsAre("STREAM.INFO.test", "STREAM.CREATE.test", "CONSUMER.CREATE.test"));
  EXPECT_THAT(last_request(kMake), AllOf(HasSubstr(R"("name":"test")"), HasSubstr(R"("subjects":["test.bus"])")));
  EXPECT_THAT(last_request(kConsumer),
              AllOf(HasSubstr(R"("opt_start_seq":1,)"), HasSubstr("\"" + connection_->private_subject() + "\"")));
  EXPECT_THAT(broken_, IsEmpty());
  EXPECT_THAT(missed_, IsEmpty());
}

TEST_F(NatsStreamReaderTest, LeavesAStreamThatIsThereAndBeginsBehindItsLastRecord) {
  become_ready();
  EXPECT_THAT(requests(), ElementsAre("STREAM.INFO.test", "CONSUMER.CREATE.test"));
  EXPECT_THAT(last_request(kConsumer), HasSubstr(R"("opt_start_seq":42,)"));
}

TEST_F(NatsStreamReaderTest, TellsThatTheServerRefusedTheStream) {
  server_.answer(kInfo, kMissing);
  server_.answer(kMake, R"({"error":{"code":500,"err_code":10047,"description":"insufficient storage"}})");
  begin();
  ASSERT_TRUE(breaks());
  EXPECT_THAT(broken_, ElementsAre(AllOf(StartsWith("bus.nats.mode: " + server_.address() + " refused stream test"),
                                         HasSubstr("insufficient storage"), HasSubstr("10047"))));
  EXPECT_EQ(ready_, 0);
}

TEST_F(NatsStreamReaderTest, TellsThatTheServerRefusedTheConsumer) {
  server_.answer(kConsumer, R"({"error":{"code":400,"err_code":10026,"description":"maximum consumers"}})");
  begin();
  ASSERT_TRUE(breaks());
  EXPECT_THAT(broken_, ElementsAre(AllOf(StartsWith("bus.nats.mode: "), HasSubstr("a consumer of stream test"),
                                         HasSubstr("maximum consumers"))));
  EXPECT_EQ(ready_, 0);
}

TEST_F(NatsStreamReaderTest, TellsThatThereIsNoJetStream) {
  FakeServer plain(Order::kWork);
  open(plain);
  ASSERT_TRUE(reader_.begin(*connection_, loop_.now()));
  ASSERT_TRUE(breaks());
  EXPECT_THAT(broken_, ElementsAre(StartsWith("bus.nats.mode: " + plain.address() + " has no JetStream")));
}

TEST_F(NatsStreamReaderTest, TellsThatAnAnswerIsNoJson) {
  server_.answer(kInfo, "oops");
  begin();
  ASSERT_TRUE(breaks());
  EXPECT_THAT(broken_, ElementsAre(AllOf(StartsWith("bus.nats.servers: "), HasSubstr("no JSON"))));
}

TEST_F(NatsStreamReaderTest, TellsThatJetStreamDoesNotAnswer) {
  server_.answer(kInfo, "");
  begin();
  const MonotonicMs began = loop_.now();
  reader_.check(began + kAnswerMs);
  EXPECT_THAT(broken_, IsEmpty());
  reader_.check(began + kAnswerMs + 1);
  EXPECT_THAT(broken_, ElementsAre(AllOf(StartsWith("bus.nats.mode: "), HasSubstr("does not answer"))));
}

TEST_F(NatsStreamReaderTest, HandsOverRecordsInOrderAndNoneTwice) {
  become_ready();
  for (std::uint64_t i = 1; i <= 20; ++i) {
    push(41 + i, i);
    push(41 + i, i);
  }
  push(62, 21);
  ASSERT_TRUE(gets(21));
  for (std::size_t i = 0; i < records_.size(); ++i) {
    EXPECT_EQ(records_[i], "record " + std::to_string(42 + i));
  }
  EXPECT_THAT(missed_, IsEmpty());
  EXPECT_THAT(broken_, IsEmpty());
}

TEST_F(NatsStreamReaderTest, LeavesAsideWhatIsNoRecordOfTheStream) {
  become_ready();
  server_.push({connection_->private_subject(), "", "", "from a stranger"});
  server_.push({connection_->private_subject(), "some.reply", "", "from another"});
  push(42, 1);
  ASSERT_TRUE(gets(1));
  EXPECT_THAT(records_, ElementsAre("record 42"));
  EXPECT_THAT(broken_, IsEmpty());
}

TEST_F(NatsStreamReaderTest, PassesARecordThatTheLibrarySwallows) {
  become_ready();
  push(42, 1);
  push_poison();
  push(44, 3);
  ASSERT_TRUE(gets(3)) << testing::PrintToString(broken_);
  EXPECT_THAT(records_, ElementsAre("record 42", "", "record 44"));
  EXPECT_THAT(broken_, IsEmpty());
  EXPECT_THAT(missed_, IsEmpty());
}

TEST_F(NatsStreamReaderTest, DoesNotAskAgainForASwallowedRecordThatAHeartbeatHasCounted) {
  become_ready();
  push(42, 1);
  push_poison();
  push_control("100 Idle Heartbeat", "Nats-Last-Consumer: 2\r\nNats-Last-Stream: 43\r\n");
  push_control("100 FlowControl Request", "", "$JS.FC.one");
  ASSERT_TRUE(turn_until([this] { return server_.received("$JS.FC.").size() == 1; }));
  EXPECT_THAT(broken_, IsEmpty());
  server_.answer(kInfo, stream(1, 43));
  become_ready();
  EXPECT_THAT(last_request(kConsumer), HasSubstr(R"("opt_start_seq":44,)"));
}

TEST_F(NatsStreamReaderTest, TakesNoStrangersEmptyMessageForARecord) {
  become_ready();
  push_poison();
  push(42, 1);
  push(44, 3);
  ASSERT_TRUE(breaks());
  EXPECT_THAT(broken_, ElementsAre(HasSubstr("left out some records")));
  EXPECT_THAT(records_, ElementsAre("", "record 42"));
}

TEST_F(NatsStreamReaderTest, BreaksOffAtAHoleInTheConsumersNumbers) {
  become_ready();
  push(42, 1);
  push(44, 3);
  ASSERT_TRUE(breaks());
  EXPECT_THAT(broken_, ElementsAre(AllOf(StartsWith("bus.nats.servers: "), HasSubstr("left out some records"))));
  EXPECT_THAT(records_, ElementsAre("record 42"));
  EXPECT_THAT(missed_, IsEmpty()) << "they are asked for again";
}

TEST_F(NatsStreamReaderTest, TellsThatRecordsAreGoneFromTheStreamAndGoesOn) {
  become_ready();
  push(42, 1);
  push(45, 2);
  push(46, 3);
  ASSERT_TRUE(gets(3));
  EXPECT_THAT(records_, ElementsAre("record 42", "record 45", "record 46"));
  EXPECT_THAT(missed_, ElementsAre(HasSubstr("stream test went on with 45 after 42")));
  EXPECT_THAT(broken_, IsEmpty());
}

TEST_F(NatsStreamReaderTest, BreaksOffWhenAHeartbeatCountsMoreThanHasArrived) {
  become_ready();
  push(42, 1);
  push_control("100 Idle Heartbeat", "Nats-Last-Consumer: 1\r\nNats-Last-Stream: 42\r\n");
  push(43, 2);
  ASSERT_TRUE(gets(2));
  EXPECT_THAT(broken_, IsEmpty()) << "all that it counted was here";
  push_control("100 Idle Heartbeat", "Nats-Last-Consumer: 3\r\nNats-Last-Stream: 44\r\n");
  ASSERT_TRUE(breaks());
  EXPECT_THAT(broken_, ElementsAre(AllOf(StartsWith("bus.nats.servers: "), HasSubstr("did not arrive"))));
}

TEST_F(NatsStreamReaderTest, BreaksOffWhenTheServerEndsTheConsumer) {
  become_ready();
  push_control("409 Consumer Deleted");
  ASSERT_TRUE(breaks());
  EXPECT_THAT(broken_, ElementsAre(HasSubstr("ended the consumer: 409 Consumer Deleted")));
}

TEST_F(NatsStreamReaderTest, AnswersFlowControlSoThatTheServerGoesOn) {
  become_ready();
  push_control("100 FlowControl Request", "", "$JS.FC.one");
  push_control("100 Idle Heartbeat", "Nats-Last-Consumer: 0\r\nNats-Consumer-Stalled: $JS.FC.two\r\n");
  ASSERT_TRUE(turn_until([this] { return server_.received("$JS.FC.").size() == 2; }));
  EXPECT_EQ(server_.received("$JS.FC.")[0].subject, "$JS.FC.one");
  EXPECT_EQ(server_.received("$JS.FC.")[1].subject, "$JS.FC.two");
  EXPECT_THAT(broken_, IsEmpty());
}

TEST_F(NatsStreamReaderTest, BreaksOffWhenTheConsumerIsSilentForThreeHeartbeatsAndTheServerIsThere) {
  become_ready();
  push(42, 1);
  ASSERT_TRUE(gets(1));
  const MonotonicMs heard = loop_.now();
  reader_.excuse(heard);
  reader_.check(heard + 2 * kHeartbeatMs);
  ASSERT_TRUE(answers());
  reader_.check(heard + 3 * kHeartbeatMs);
  EXPECT_THAT(broken_, IsEmpty());
  reader_.check(heard + 3 * kHeartbeatMs + 1);
  EXPECT_THAT(broken_, ElementsAre(AllOf(StartsWith("bus.nats.servers: the consumer at "), HasSubstr("is silent"))));
}

TEST_F(NatsStreamReaderTest, AsksTheServerBeforeItBlamesTheConsumer) {
  become_ready();
  connection_->pause();  // so that no answer is read
  const MonotonicMs heard = loop_.now();
  reader_.excuse(heard);
  const auto asks = [this] { return connection_->unanswered_for(loop_.now() + 1) > 0; };
  reader_.check(heard + 3 * kHeartbeatMs / 2);
  EXPECT_FALSE(asks());
  reader_.check(heard + 3 * kHeartbeatMs / 2 + 1);
  EXPECT_TRUE(asks());
}

TEST_F(NatsStreamReaderTest, BlamesNoConsumerBeforeTheServerHasAnsweredHoweverShortItsHeartbeatIs) {
  become_ready();
  connection_->pause();  // so that no answer is read
  const MonotonicMs heard = loop_.now() - 3 * kHeartbeatMs;
  reader_.excuse(heard);
  reader_.check(heard + 3 * kHeartbeatMs + 1);
  EXPECT_THAT(broken_, IsEmpty()) << "it has just been asked";
  reader_.check(heard + 3 * kHeartbeatMs + 900);
  EXPECT_THAT(broken_, IsEmpty()) << "the answer may be on its way";
  reader_.check(heard + 9 * kHeartbeatMs);
  EXPECT_THAT(broken_, IsEmpty()) << "the server stands still";
}

TEST_F(NatsStreamReaderTest, BlamesTheConsumerWhenTheServerStoodStillAndIsBack) {
  become_ready();
  connection_->pause();  // so that no answer is read
  connection_->ask(1);
  const MonotonicMs asked = loop_.now();
  reader_.excuse(asked);
  reader_.check(asked + 3 * kHeartbeatMs);
  reader_.check(asked + 6 * kHeartbeatMs);
  EXPECT_THAT(broken_, IsEmpty());
  connection_->resume();
  reader_.excuse(asked);
  ASSERT_TRUE(answers());
  reader_.check(asked + 3 * kHeartbeatMs + 1);
  ASSERT_TRUE(answers());
  reader_.check(asked + 3 * kHeartbeatMs + 2);
  EXPECT_THAT(broken_, ElementsAre(HasSubstr("is silent"))) << "the server answers, the consumer does not";
}

TEST_F(NatsStreamReaderTest, TakesAHeartbeatForASignOfLife) {
  become_ready();
  // As if nothing had come for very long; only what comes now can make up for it.
  reader_.excuse(loop_.now() - 10 * kHeartbeatMs);
  push_control("100 FlowControl Request", "", "$JS.FC.one");
  ASSERT_TRUE(turn_until([this] { return server_.received("$JS.FC.").size() == 1; }));
  reader_.check(loop_.now());
  EXPECT_THAT(broken_, IsEmpty());
}

TEST_F(NatsStreamReaderTest, GoesOnFromItsOwnPositionOnTheNextConnection) {
  become_ready();
  push(42, 1);
  push(43, 2);
  ASSERT_TRUE(gets(2));
  server_.answer(kInfo, stream(1, 50));
  become_ready();
  EXPECT_THAT(last_request(kConsumer), HasSubstr(R"("opt_start_seq":44,)"));
  push(44, 1);  // a new consumer counts anew
  ASSERT_TRUE(gets(3));
  EXPECT_EQ(records_.back(), "record 44");
  EXPECT_THAT(missed_, IsEmpty());
}

TEST_F(NatsStreamReaderTest, TellsWhatWasRemovedWhileItWasAway) {
  become_ready();
  push(42, 1);
  ASSERT_TRUE(gets(1));
  server_.answer(kInfo, stream(50, 60));
  become_ready();
  EXPECT_THAT(last_request(kConsumer), HasSubstr(R"("opt_start_seq":50,)"));
  EXPECT_THAT(missed_, ElementsAre(AllOf(HasSubstr("7 records are no longer"), HasSubstr("stream test"))));
}

TEST_F(NatsStreamReaderTest, BeginsAtTheFrontOfAStreamThatIsAnotherOne) {
  become_ready();
  server_.answer(kInfo, stream(3, 60, "tuesday"));
  become_ready();
  EXPECT_THAT(last_request(kConsumer), HasSubstr(R"("opt_start_seq":3,)"));
  EXPECT_THAT(missed_, ElementsAre(HasSubstr("not the one that it was")));
}

}  // namespace
}  // namespace pushwire::bus::nats
