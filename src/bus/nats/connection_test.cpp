#include "bus/nats/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bus/nats/connection_fixture.h"

namespace pushwire::bus::nats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr const char* kSubject = "test.bus";

class NatsConnectionTest : public ConnectionFixture {
 protected:
  void start(Order order) {
    server_ = std::make_unique<FakeServer>(order);
    open(*server_);
  }
  void publish(int count) {
    for (int i = 1; i <= count; ++i) {
      ASSERT_TRUE(connection_->publish(kSubject, "record " + std::to_string(i)));
    }
  }
  // What was published before it has been handed on by then: it is in our socket.
  bool server_got(const std::string& subject, std::size_t count) {
    return turn_until([&] { return server_->received(subject).size() == count; });
  }
  std::size_t calls() const { return data_.size() + inbox_.size() + answers_.size() + lost_.size() + nobody_; }

  void on_data(Connection&, natsMsg& message) override {
    data_.emplace_back(natsMsg_GetData(&message), static_cast<std::size_t>(natsMsg_GetDataLength(&message)));
    if (data_.size() == pause_at_) {
      connection_->pause();
    }
    if (data_.size() == close_at_) {
      connection_->close();
    }
  }
  void on_inbox(Connection&, std::string_view name, std::string_view body) override { inbox_.emplace_back(name, body); }
  void on_answer(Connection&, std::uint64_t tag) override {
    answers_.emplace_back(tag, server_->received(kSubject).size());
  }
  void on_swallowed(Connection&) override { ++swallowed_; }
  void on_nobody(Connection&) override { ++nobody_; }
  void on_lost(Connection& connection, natsStatus, std::string_view text) override {
    EXPECT_TRUE(connection.closed());
    lost_.emplace_back(text);
  }

  std::unique_ptr<FakeServer> server_;
  std::vector<std::string> data_;
  std::vector<std::pair<std::string, std::string>> inbox_;
  std::vector<std::pair<std::uint64_t, std::size_t>> answers_;  // tag; how many records the server had then
  std::vector<std::string> lost_;
  std::size_t nobody_ = 0;
  std::size_t swallowed_ = 0;
  std::size_t pause_at_ = 0;
  std::size_t close_at_ = 0;
};

TEST_F(NatsConnectionTest, AnswersQuestionsInOrderAndAfterWhatWasPublishedBefore) {
  start(Order::kWork);
  for (std::uint64_t tag = 1; tag <= 50; ++tag) {
    publish(1);
    connection_->ask(tag);
    EXPECT_THAT(answers_, IsEmpty()) << "called back inside ask()";
  }
  ASSERT_TRUE(turn_until([this] { return answers_.size() == 50; }));
  for (std::uint64_t tag = 1; tag <= 50; ++tag) {
    EXPECT_EQ(answers_[tag - 1].first, tag);
    EXPECT_GE(answers_[tag - 1].second, tag);
  }
  EXPECT_THAT(inbox_, IsEmpty()) << "an answer is no message of the inbox";
}

TEST_F(NatsConnectionTest, TellsForWhichNameOfTheInboxAMessageCame) {
  start(Order::kWork);
  ASSERT_TRUE(connection_->publish(connection_->inbox("one"), "first"));
  ASSERT_TRUE(connection_->publish(connection_->inbox("a7"), ""));
  ASSERT_TRUE(turn_until([this] { return inbox_.size() == 2; }));
  EXPECT_THAT(inbox_, ElementsAre(Pair("one", "first"), Pair("a7", "")));
  EXPECT_THAT(data_, IsEmpty());
}

TEST_F(NatsConnectionTest, KeepsThePrivateSubjectOutOfTheInbox) {
  start(Order::kWork);
  ASSERT_TRUE(connection_->subscribe(connection_->private_subject()));
  ASSERT_TRUE(connection_->publish(connection_->private_subject(), "record"));
  connection_->ask(1);
  ASSERT_TRUE(turn_until([this] { return !data_.empty() && !answers_.empty(); }));
  EXPECT_THAT(data_, ElementsAre("record"));
  EXPECT_THAT(inbox_, IsEmpty());
}

TEST_F(NatsConnectionTest, TellsThatARequestFoundNobody) {
  start(Order::kWork);
  ASSERT_TRUE(connection_->request("nobody.here", connection_->inbox("x"), "?"));
  ASSERT_TRUE(turn_until([this] { return nobody_ == 1; }));
  EXPECT_THAT(inbox_, IsEmpty());
  EXPECT_THAT(lost_, IsEmpty());
}

TEST_F(NatsConnectionTest, TellsADataMessageThatLooksLikeNobodyFromARequestThatFoundNobody) {
  start(Order::kWork);
  ASSERT_TRUE(connection_->subscribe(kSubject));
  server_->push_control(kSubject, "503");
  server_->push({kSubject, "", "", "record"});
  ASSERT_TRUE(turn_until([this] { return data_.size() == 1; }));
  EXPECT_EQ(swallowed_, 1u);
  EXPECT_EQ(nobody_, 0u);
  EXPECT_THAT(lost_, IsEmpty());
}

TEST_F(NatsConnectionTest, HandsOverNothingWhilePausedAndAllOfItLater) {
  start(Order::kWork);
  ASSERT_TRUE(connection_->subscribe(kSubject));
  connection_->pause();
  publish(50);
  // The inbox is handed over as soon as it is read: so nothing is, and the kernel's buffer is what bounds it.
  ASSERT_TRUE(connection_->publish(connection_->inbox("behind"), ""));
  ASSERT_TRUE(server_got(connection_->inbox("behind"), 1));
  turn_some();
  EXPECT_EQ(calls(), 0u);
  connection_->resume();
  ASSERT_TRUE(turn_until([this] { return data_.size() == 50 && inbox_.size() == 1; }));
  EXPECT_EQ(data_.front(), "record 1");
  EXPECT_EQ(data_.back(), "record 50");
}

TEST_F(NatsConnectionTest, StopsInTheMiddleOfWhatItHasReadWhenPausedThere) {
  start(Order::kWork);
  ASSERT_TRUE(connection_->subscribe(kSubject));
  pause_at_ = 3;
  publish(50);
  ASSERT_TRUE(connection_->publish("behind", ""));
  ASSERT_TRUE(turn_until([this] { return data_.size() >= 3; }));
  ASSERT_TRUE(server_got("behind", 1));
  turn_some();
  EXPECT_EQ(data_.size(), 3u);
  connection_->resume();
  EXPECT_TRUE(turn_until([this] { return data_.size() == 50; }));
}

TEST_F(NatsConnectionTest, DoesNotBlameTheServerForAnAnswerThatThePauseKeptBack) {
  start(Order::kWork);
  connection_->ask(1);
  connection_->pause();
  const MonotonicMs asked = loop_.now();
  connection_->check(asked + 10 * Connection::kAnswerMs);
  // The loop's clock has to move on, so that a question which keeps its old time would be seen.
  ASSERT_TRUE(turn_until([&] { return loop_.now() > asked; }));
  connection_->resume();
  connection_->check(asked + Connection::kAnswerMs + 1);
  EXPECT_THAT(lost_, IsEmpty());
  EXPECT_TRUE(turn_until([this] { return answers_.size() == 1; }));
}

TEST_F(NatsConnectionTest, IsLostOnceWhenTheServerCutsIt) {
  start(Order::kWork);
  ASSERT_TRUE(connection_->subscribe(kSubject));
  connection_->ask(1);
  ASSERT_TRUE(turn_until([this] { return answers_.size() == 1; }));
  server_->cut();
  ASSERT_TRUE(turn_until([this] { return !lost_.empty(); }));
  EXPECT_FALSE(connection_->publish(kSubject, "late"));
  connection_->ask(2);
  connection_->check(loop_.now() + 10 * Connection::kAnswerMs);
  turn_some();
  EXPECT_EQ(lost_.size(), 1u);
  EXPECT_EQ(answers_.size(), 1u);
}

TEST_F(NatsConnectionTest, IsLostWhenTheServerRefusesWhatWasPublished) {
  start(Order::kForbidPublish);
  publish(1);
  connection_->ask(1);
  ASSERT_TRUE(turn_until([this] { return !lost_.empty(); }));
  EXPECT_THAT(lost_, ElementsAre(HasSubstr("Permissions Violation for Publish")));
  EXPECT_THAT(answers_, IsEmpty()) << "it would confirm what was refused";
}

TEST_F(NatsConnectionTest, IsLostWhenAQuestionIsNotAnsweredInTime) {
  start(Order::kSwallowQuestions);
  connection_->ask(1);
  const MonotonicMs asked = loop_.now();
  connection_->check(asked + Connection::kAnswerMs);
  EXPECT_THAT(lost_, IsEmpty());
  connection_->check(asked + Connection::kAnswerMs + 1);
  EXPECT_THAT(lost_, ElementsAre("no answer for 6000 ms"));
}

TEST_F(NatsConnectionTest, AsksAServerThatWasSilentForLongAndKeepsTheAnswerToItself) {
  start(Order::kWork);
  const std::string question = connection_->inbox("q");
  connection_->check(loop_.now() + Connection::kSilenceMs);
  connection_->ask(1);  // something to wait for
  ASSERT_TRUE(turn_until([this] { return answers_.size() == 1; }));
  EXPECT_EQ(server_->received(question).size(), 1u) << "asked too early";
  connection_->check(loop_.now() + Connection::kSilenceMs + 1);
  connection_->ask(2);
  ASSERT_TRUE(turn_until([this] { return answers_.size() == 2; }));
  EXPECT_EQ(server_->received(question).size(), 3u);
  EXPECT_EQ(answers_[1].first, 2u);
  EXPECT_THAT(lost_, IsEmpty());
}

TEST_F(NatsConnectionTest, CallsNobodyAfterItWasClosedInTheMiddleOfWhatItHasRead) {
  start(Order::kWork);
  ASSERT_TRUE(connection_->subscribe(kSubject));
  close_at_ = 3;
  publish(50);
  ASSERT_TRUE(turn_until([this] { return !data_.empty(); }));
  turn_some();
  EXPECT_EQ(data_.size(), 3u);
  EXPECT_EQ(calls(), 3u);
}

TEST_F(NatsConnectionTest, CallsNobodyAfterCloseWhateverIsOnItsWay) {
  start(Order::kWork);
  ASSERT_TRUE(connection_->subscribe(kSubject));
  connection_->pause();
  publish(3);
  ASSERT_TRUE(connection_->publish(connection_->inbox("x"), ""));
  connection_->ask(1);
  ASSERT_TRUE(server_got(connection_->inbox("q"), 1));
  connection_->close();
  connection_->resume();
  EXPECT_FALSE(connection_->publish(kSubject, "late"));
  connection_->check(loop_.now() + 10 * Connection::kAnswerMs);
  server_->cut();
  turn_some();
  EXPECT_EQ(calls(), 0u);
}

}  // namespace
}  // namespace pushwire::bus::nats
