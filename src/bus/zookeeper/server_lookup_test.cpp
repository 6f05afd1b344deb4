#include "bus/zookeeper/server_lookup.h"

#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "net/stream_test_support.h"

namespace pushwire::bus {
namespace {

// Knows "localhost" and "nowhere", and of "slow" only when it is told to.
struct SomeNames final : net::SocketCalls {
  mutable std::atomic<int> slow_asked{0};
  mutable std::atomic<int> slow_answered{0};
  std::atomic<bool> answer{false};
  int lookup(const char* host, const char* port, const addrinfo& hints, addrinfo** found) const override {
    if (std::string_view(host) == "localhost") {
      return SocketCalls::lookup(host, port, hints, found);
    }
    if (std::string_view(host) == "slow") {
      ++slow_asked;
      while (!answer) {
        std::this_thread::yield();
      }
      ++slow_answered;
    }
    return EAI_NONAME;
  }
};

class ServerLookupTest : public testing::Test, public ServerLookup::Listener, public net::test::TestLoop {
 protected:
  ~ServerLookupTest() override {
    calls_.answer = true;
    while (calls_.slow_answered < calls_.slow_asked) {
      std::this_thread::yield();
    }
  }
  void on_addresses(Result<std::string> servers) override {
    ++told_;
    answer_ = std::move(servers);
  }
  bool await_answer() {
    return until([this] { return told_ > 0; });
  }

  SomeNames calls_;
  int told_ = 0;
  std::optional<Result<std::string>> answer_;
  ServerLookup lookup_{loop, calls_, *this};
};

TEST_F(ServerLookupTest, AddressesNeedNoAnswer) {
  lookup_.begin({{"10.0.0.1", 2181}, {"::1", 2182}});
  ASSERT_EQ(told_, 1);
  ASSERT_TRUE(*answer_);
  EXPECT_EQ(**answer_, "10.0.0.1:2181,::1:2182") << "the client takes no brackets";
  EXPECT_FALSE(lookup_.is_under_way());
}

TEST_F(ServerLookupTest, OneNameThatIsThereIsEnough) {
  lookup_.begin({{"nowhere", 1}, {"localhost", 2181}});
  ASSERT_TRUE(await_answer());
  ASSERT_TRUE(*answer_);
  EXPECT_NE((*answer_)->find("127.0.0.1:2181"), std::string::npos) << **answer_;
}

TEST_F(ServerLookupTest, SaysWhyThereIsNone) {
  lookup_.begin({{"nowhere", 1}});
  ASSERT_TRUE(await_answer());
  ASSERT_FALSE(*answer_);
  EXPECT_NE(answer_->error().message.find("\"nowhere\""), std::string::npos) << answer_->error().message;
}

TEST_F(ServerLookupTest, DoesNotWaitForTheOthersWhenThereIsNoTime) {
  lookup_.begin({{"slow", 1}});
  lookup_.hurry();
  EXPECT_EQ(told_, 0) << "nothing is known yet";
  EXPECT_TRUE(lookup_.is_under_way());
  lookup_.stop();
  lookup_.begin({{"slow", 1}, {"10.0.0.1", 2181}});
  EXPECT_EQ(told_, 0);
  lookup_.hurry();
  ASSERT_EQ(told_, 1);
  EXPECT_EQ(**answer_, "10.0.0.1:2181");
  EXPECT_FALSE(lookup_.is_under_way());
  ASSERT_TRUE(until([this] { return calls_.slow_asked == 2; }));
}

}  // namespace
}  // namespace pushwire::bus
