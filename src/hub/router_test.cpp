#include "hub/router.h"

#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/hash.h"
#include "hub/hub_test_support.h"

namespace pushwire::hub {
namespace {

using bus::Envelope;
using bus::EnvelopeKind;

constexpr std::size_t kWorkers = 3;

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    std::vector<WorkerMailbox*> pointers;
    for (std::size_t i = 0; i < kWorkers; ++i) {
      pointers.push_back(&boxes_.emplace_back(loop_, 10'000));
    }
    router_.emplace(pointers);
    filtering_.emplace(pointers, &here_);
  }
  std::vector<Deliver> mail_of(std::size_t worker) {
    std::vector<Deliver> mail;
    boxes_[worker].drain([&](WorkerMail&& one) { mail.push_back(std::get<Deliver>(std::move(one))); });
    return mail;
  }
  std::size_t reserved() const {
    std::size_t sum = 0;
    for (const WorkerMailbox& box : boxes_) {
      sum += box.bytes();
    }
    return sum;
  }
  RouteStatus deliver(const Envelope& envelope) { return router_->deliver(envelope); }

  net::EventLoop loop_;
  std::deque<WorkerMailbox> boxes_;
  std::optional<Router> router_;
  NodeCounts here_;
  std::optional<Router> filtering_;
};

TEST_F(RouterTest, SpreadsUsersOverAllWorkersAndKeepsEachAtHome) {
  std::set<std::uint32_t> homes;
  for (int i = 0; i < 100; ++i) {
    const std::string user = "user" + std::to_string(i);
    homes.insert(router_->home_worker(user));
    EXPECT_EQ(router_->home_worker(user), router_->home_worker(user));
  }
  EXPECT_EQ(homes.size(), kWorkers);
}

TEST_F(RouterTest, MailsAPushForAUserToHisHomeWorkerOnly) {
  const Envelope envelope = test::envelope_to(EnvelopeKind::kUser, "alice");
  EXPECT_EQ(deliver(envelope), RouteStatus::kAccepted);
  for (std::uint32_t worker = 0; worker < kWorkers; ++worker) {
    const bool home = worker == router_->home_worker("alice");
    EXPECT_EQ(boxes_[worker].bytes(), home ? envelope.bytes() : 0);
    const auto mail = mail_of(worker);
    ASSERT_EQ(mail.size(), home ? 1U : 0U);
    if (home) {
      EXPECT_EQ(std::get<ToUser>(mail[0].target).user, "alice");
      EXPECT_EQ(mail[0].reserved, envelope.bytes());
    }
  }
}

TEST_F(RouterTest, SplitsUsersByTheirHomesEachOnce) {
  Envelope envelope = test::envelope_to(EnvelopeKind::kUsers, "");
  for (int i = 0; i < 30; ++i) {
    envelope.users.push_back("user" + std::to_string(i));
  }
  EXPECT_EQ(deliver(envelope), RouteStatus::kAccepted);
  std::multiset<std::string> seen;
  for (std::uint32_t worker = 0; worker < kWorkers; ++worker) {
    for (const Deliver& mail : mail_of(worker)) {
      for (const std::string& user : std::get<ToUsers>(mail.target).users) {
        EXPECT_EQ(router_->home_worker(user), worker);
        seen.insert(user);
      }
    }
  }
  EXPECT_EQ(seen, std::multiset<std::string>(envelope.users.begin(), envelope.users.end()));
}

TEST_F(RouterTest, LeavesWorkersAloneThatAreHomeToNobodyNamed) {
  Envelope envelope = test::envelope_to(EnvelopeKind::kUsers, "");
  envelope.users = {"alice"};
  EXPECT_EQ(deliver(envelope), RouteStatus::kAccepted);
  std::size_t mails = 0;
  for (std::size_t worker = 0; worker < kWorkers; ++worker) {
    mails += mail_of(worker).size();
  }
  EXPECT_EQ(mails, 1U);
}

TEST_F(RouterTest, MailsTopicsSessionsAndAllToEveryWorker) {
  for (const EnvelopeKind kind : {EnvelopeKind::kTopic, EnvelopeKind::kSession, EnvelopeKind::kAll}) {
    EXPECT_EQ(deliver(test::envelope_to(kind, std::string(22, 'A'))), RouteStatus::kAccepted);
    std::set<const Message*> messages;
    for (std::size_t worker = 0; worker < kWorkers; ++worker) {
      const auto mail = mail_of(worker);
      ASSERT_EQ(mail.size(), 1U);
      messages.insert(mail[0].message.get());
    }
    EXPECT_EQ(messages.size(), 1U) << "framed once for all";
  }
}

TEST_F(RouterTest, AcceptsASessionThatCannotBeAndMailsNobody) {
  EXPECT_EQ(deliver(test::envelope_to(EnvelopeKind::kSession, "nonsense")), RouteStatus::kAccepted);
  EXPECT_EQ(reserved(), 0U);
}

TEST_F(RouterTest, GivesToAllWorkersOrToNoneWhenOneIsFull) {
  for (std::size_t full = 0; full < kWorkers; ++full) {
    ASSERT_TRUE(boxes_[full].reserve(9'999));
    EXPECT_EQ(deliver(test::envelope_to(EnvelopeKind::kAll, "")), RouteStatus::kOverloaded);
    EXPECT_EQ(reserved(), 9'999U) << "what was reserved elsewhere is given back";
    for (std::size_t worker = 0; worker < kWorkers; ++worker) {
      EXPECT_TRUE(mail_of(worker).empty());
    }
    boxes_[full].release(9'999);
    EXPECT_EQ(deliver(test::envelope_to(EnvelopeKind::kAll, "")), RouteStatus::kAccepted);
    for (std::size_t worker = 0; worker < kWorkers; ++worker) {
      boxes_[worker].release(mail_of(worker).at(0).reserved);
    }
    EXPECT_EQ(reserved(), 0U);
  }
}

// A bus hands the very same envelope over again after a pause.
TEST_F(RouterTest, LeavesAnEnvelopeThatFoundNoRoomAsItWas) {
  Envelope envelope = test::envelope_to(EnvelopeKind::kUsers, "");
  for (int i = 0; i < 10; ++i) {
    envelope.users.push_back("a user with a long enough name " + std::to_string(i));
  }
  const std::vector<std::string> users = envelope.users;
  const std::uint32_t home = router_->home_worker(users[0]);
  ASSERT_TRUE(boxes_[home].reserve(9'999));
  EXPECT_EQ(deliver(envelope), RouteStatus::kOverloaded);
  EXPECT_EQ(envelope.users, users);
}

TEST_F(RouterTest, MailsNothingToANodeThatHasNobodyOfTheTarget) {
  ASSERT_TRUE(boxes_[1].reserve(50'000));
  Envelope users = test::envelope_to(EnvelopeKind::kUsers, "");
  users.users = {"alice", "bob"};
  const std::string session(22, 'A');
  for (const Envelope& envelope :
       {test::envelope_to(EnvelopeKind::kUser, "alice"), users, test::envelope_to(EnvelopeKind::kTopic, "t"),
        test::envelope_to(EnvelopeKind::kSession, session), test::envelope_to(EnvelopeKind::kAll, ""),
        test::envelope_to(EnvelopeKind::kControl, "")}) {
    EXPECT_EQ(filtering_->deliver(envelope), RouteStatus::kAccepted) << "a full worker is no reason to wait";
  }
  EXPECT_EQ(reserved(), 50'000U);
  boxes_[1].release(50'000);
}

TEST_F(RouterTest, MailsWhatMayConcernSomebodyHere) {
  const std::string session(22, 'A');
  here_.users.add(hash_name("alice"));
  here_.sessions.add(session::SessionId::parse(session)->hash());
  here_.topics.add("t");
  ASSERT_TRUE(here_.admission.enter(0));
  Envelope users = test::envelope_to(EnvelopeKind::kUsers, "");
  users.users = {"bob", "alice", "carol"};
  EXPECT_EQ(filtering_->deliver(users), RouteStatus::kAccepted);
  const std::vector<Deliver> mail = mail_of(router_->home_worker("alice"));
  ASSERT_EQ(mail.size(), 1U);
  EXPECT_EQ(std::get<ToUsers>(mail[0].target).users, std::vector<std::string>{"alice"});
  EXPECT_EQ(filtering_->deliver(test::envelope_to(EnvelopeKind::kUser, "alice")), RouteStatus::kAccepted);
  EXPECT_EQ(mail_of(router_->home_worker("alice")).size(), 1U);
  for (const auto& [kind, key] : {std::pair{EnvelopeKind::kTopic, std::string("t")},
                                  {EnvelopeKind::kSession, session},
                                  {EnvelopeKind::kAll, std::string()}}) {
    EXPECT_EQ(filtering_->deliver(test::envelope_to(kind, key)), RouteStatus::kAccepted);
    for (std::size_t worker = 0; worker < kWorkers; ++worker) {
      EXPECT_EQ(mail_of(worker).size(), 1U);
    }
  }
}

TEST_F(RouterTest, PostsControlMailAlsoToAFullWorker) {
  ASSERT_TRUE(boxes_[1].reserve(50'000));
  router_->post(1, Published{42, bus::PublishOutcome::kAccepted});
  std::size_t got = 0;
  boxes_[1].drain([&](WorkerMail&& mail) { got = std::get<Published>(mail).call; });
  EXPECT_EQ(got, 42U);
}

TEST_F(RouterTest, AMailbagKeepsTheMailOfItsThreadBackAndInOrder) {
  Mailbag bag(router_->mailboxes());
  bag.carry_here();
  EXPECT_EQ(deliver(test::envelope_to(EnvelopeKind::kAll, "", "m1")), RouteStatus::kAccepted);
  EXPECT_EQ(deliver(test::envelope_to(EnvelopeKind::kTopic, "t", "m2")), RouteStatus::kAccepted);
  EXPECT_GT(reserved(), 0U) << "the boxes know at once how much is coming";
  EXPECT_TRUE(mail_of(0).empty());
  std::thread([&] {
    EXPECT_EQ(deliver(test::envelope_to(EnvelopeKind::kAll, "", "m3")), RouteStatus::kAccepted);
  }).join();
  EXPECT_EQ(mail_of(0).size(), 1U) << "other threads are not concerned";
  bag.deliver();
  const std::vector<Deliver> mail = mail_of(0);
  ASSERT_EQ(mail.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<ToAll>(mail[0].target));
  EXPECT_TRUE(std::holds_alternative<ToTopic>(mail[1].target));
  EXPECT_EQ(deliver(test::envelope_to(EnvelopeKind::kAll, "", "m4")), RouteStatus::kAccepted);
  bag.put_down();
  EXPECT_EQ(mail_of(0).size(), 1U) << "what is in a bag that is put down is posted";
  EXPECT_EQ(deliver(test::envelope_to(EnvelopeKind::kAll, "", "m5")), RouteStatus::kAccepted);
  EXPECT_EQ(mail_of(0).size(), 1U);
}

TEST_F(RouterTest, AMailbagPostsMuchMailForOneWorkerWithoutWaiting) {
  Mailbag bag(router_->mailboxes());
  bag.carry_here();
  for (std::size_t i = 0; i < Mailbag::kMostPerWorker - 1; ++i) {
    router_->post(1, Deliver{});
  }
  EXPECT_TRUE(mail_of(1).empty());
  router_->post(1, Deliver{});
  EXPECT_EQ(mail_of(1).size(), Mailbag::kMostPerWorker);
  bag.put_down();
}

}  // namespace
}  // namespace pushwire::hub
