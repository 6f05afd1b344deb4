#include "session/user_session.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "session/session_test_support.h"

namespace pushwire::session {
namespace {

std::vector<SessionId> oldest_first(const UserSession& user) {
  std::vector<SessionId> ids;
  for (const ChannelSession* session = user.oldest(); session != nullptr; session = session->newer()) {
    ids.push_back(session->id());
  }
  return ids;
}

TEST(UserSession, KeepsTheUsersNameBehindItself) {
  const std::string longest(128, 'x');
  EXPECT_EQ(UserSession::create("alice")->user(), "alice");
  EXPECT_EQ(UserSession::create(longest)->user(), longest);
  EXPECT_EQ(UserSession::create("alice")->count(), 0U);
}

TEST(UserSession, ListsItsSessionsOldestFirst) {
  test::Bench bench;
  std::deque<test::Connected> devices;
  std::vector<SessionId> expected;
  for (int i = 0; i < 4; ++i) {
    expected.push_back(devices.emplace_back(bench, "alice").session->id());
  }
  const UserSession* user = bench.manager.find_user("alice");
  ASSERT_NE(user, nullptr);
  EXPECT_EQ(user->count(), 4U);
  EXPECT_EQ(oldest_first(*user), expected);
}

TEST(UserSession, ClosesTheGapWhereverASessionLeaves) {
  for (const std::size_t leaver : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
    test::Bench bench;
    std::deque<test::Connected> devices;
    std::vector<SessionId> expected;
    for (int i = 0; i < 3; ++i) {
      expected.push_back(devices.emplace_back(bench, "alice").session->id());
    }
    devices[leaver].session->close(protocol::Disconnect::kKicked);
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(leaver));
    const UserSession* user = bench.manager.find_user("alice");
    ASSERT_NE(user, nullptr);
    EXPECT_EQ(oldest_first(*user), expected);
    EXPECT_EQ(user->count(), 2U);

    test::Connected newest(bench, "alice");
    expected.push_back(newest.session->id());
    EXPECT_EQ(oldest_first(*user), expected) << "the newest comes last, whoever has left";
  }
}

}  // namespace
}  // namespace pushwire::session
