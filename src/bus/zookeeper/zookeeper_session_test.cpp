#include "bus/zookeeper/zookeeper_session.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "net/fd.h"

namespace pushwire::bus {
namespace {

TEST(ZooKeeperSession, RefusesAddressesThatCannotBeAndNamesTheSetting) {
  const net::Fd wakeup(eventfd(0, EFD_NONBLOCK));
  const auto session = ZooKeeperSession::open("127.0.0.1", wakeup.get());
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().message.find("bus.zookeeper.servers: "), 0U) << session.error().message;
}

TEST(ZooKeeperSession, EndsInTimeWhenNobodyAnswers) {
  const net::Fd wakeup(eventfd(0, EFD_NONBLOCK));
  const MonotonicMs before = monotonic_ms();
  ASSERT_TRUE(ZooKeeperSession::open("127.0.0.1:1", wakeup.get()));
  EXPECT_LT(monotonic_ms() - before, 5'000);
}

}  // namespace
}  // namespace pushwire::bus
