#include "net/name_lookup.h"

#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "net/stream_test_support.h"

namespace pushwire::net {
namespace {

using test::TestServer;

// Answers when it is told to.
struct SlowCalls final : SocketCalls {
  mutable std::atomic<int> asked{0};
  mutable std::atomic<int> answered{0};
  std::atomic<bool> answer{false};
  int lookup(const char*, const char*, const addrinfo&, addrinfo**) const override {
    ++asked;
    while (!answer) {
      std::this_thread::yield();
    }
    ++answered;
    return EAI_NONAME;
  }
};

TEST(NameLookup, FindsTheAddressesOfAName) {
  auto lookup = NameLookup::begin({"localhost", 80}, SocketCalls::kernel());
  ASSERT_TRUE(lookup);
  ASSERT_TRUE(TestServer::readable(lookup->fd(), 10'000));
  auto found = lookup->take();
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_FALSE(found->empty());
  EXPECT_TRUE(found->front().is_loopback());
  EXPECT_EQ(found->front().port(), 80);
}

TEST(NameLookup, FailureNamesTheHost) {
  SlowCalls calls;
  calls.answer = true;
  auto lookup = NameLookup::begin({"redis.internal", 80}, calls);
  ASSERT_TRUE(TestServer::readable(lookup->fd(), 10'000));
  auto found = lookup->take();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("\"redis.internal\""), std::string::npos);
}

TEST(NameLookup, NoMoreThanSomeWaitAtOnce) {
  SlowCalls calls;
  std::vector<NameLookup> lookups;
  for (int i = 0; i < NameLookup::kMostAtOnce; ++i) {
    auto lookup = NameLookup::begin({"slow.internal", 80}, calls);
    ASSERT_TRUE(lookup) << i;
    lookups.push_back(std::move(*lookup));
  }
  auto refused = NameLookup::begin({"slow.internal", 80}, calls);
  EXPECT_FALSE(refused);
  calls.answer = true;
  for (NameLookup& lookup : lookups) {
    EXPECT_TRUE(TestServer::readable(lookup.fd(), 10'000));
  }
  EXPECT_TRUE(NameLookup::begin({"localhost", 80}, SocketCalls::kernel()));
}

}  // namespace
}  // namespace pushwire::net
