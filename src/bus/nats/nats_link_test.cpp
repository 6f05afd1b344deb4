// The link against a server of a few lines that misbehaves on order. How it works with the real one is told by the
// contract suite.
#include "bus/nats/nats_link.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "net/fd.h"

namespace pushwire::bus {
namespace {

using testing::HasSubstr;

enum class Order : std::uint8_t { kWork, kForbidPublish, kForbidSubscribe, kSwallowQuestions };

// Speaks https://docs.nats.io/reference/reference-protocols/nats-protocol as far as one subject and inboxes go.
class FakeServer {
 public:
  explicit FakeServer(Order order) : order_(order), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener_.get(), plain, size), 0);
    EXPECT_EQ(listen(listener_.get(), 8), 0);
    EXPECT_EQ(getsockname(listener_.get(), plain, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~FakeServer() {
    stop_ = true;
    thread_.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void cut() { cut_ = true; }

 private:
  struct Client {
    net::Fd fd;
    std::string in;
    std::vector<std::pair<std::string, std::string>> subscriptions;  // subject, id
  };

  void run() {
    while (!stop_) {
      if (cut_.exchange(false)) {
        clients_.clear();
      }
      std::vector<pollfd> all{{listener_.get(), POLLIN, 0}};
      for (const Client& client : clients_) {
        all.push_back({client.fd.get(), POLLIN, 0});
      }
      if (poll(all.data(), all.size(), 10) <= 0) {
        continue;
      }
      for (std::size_t i = all.size() - 1; i > 0; --i) {
        if (all[i].revents != 0 && !serve(clients_[i - 1])) {
          clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(i - 1));
        }
      }
      if (all[0].revents != 0) {
        clients_.push_back({net::Fd(accept(listener_.get(), nullptr, nullptr)), {}, {}});
        say(clients_.back(), R"(INFO {"server_id":"x","version":"2.9.0","headers":true,"max_payload":1000})"
                             "\r\n");
      }
    }
  }
  // To one who may have hung up.
  static void say(const Client& client, std::string_view text) {
    (void)::send(client.fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  bool serve(Client& client) {
    std::array<char, 4096> buffer;
    const ssize_t got = recv(client.fd.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      return false;
    }
    client.in.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = client.in.find("\r\n"); end != std::string::npos; end = client.in.find("\r\n")) {
      const std::string line = client.in.substr(0, end);
      std::size_t used = end + 2;
      if (line.starts_with("PING")) {
        say(client, "PONG\r\n");
      } else if (line.starts_with("SUB ")) {
        subscribe(client, line);
      } else if (line.starts_with("PUB ")) {
        const std::size_t length = std::stoul(line.substr(line.rfind(' ') + 1));
        if (client.in.size() < used + length + 2) {
          return true;
        }
        publish(client, line.substr(4, line.find(' ', 4) - 4), client.in.substr(used, length));
        used += length + 2;
      }
      client.in.erase(0, used);
    }
    return true;
  }
  void subscribe(Client& client, const std::string& line) {
    const std::string subject = line.substr(4, line.find(' ', 4) - 4);
    if (order_ == Order::kForbidSubscribe && subject == "test.bus") {
      say(client, "-ERR 'Permissions Violation for Subscription to \"test.bus\"'\r\n");
      return;
    }
    client.subscriptions.emplace_back(subject, line.substr(line.rfind(' ') + 1));
  }
  void publish(Client& from, const std::string& subject, const std::string& bytes) {
    if (order_ == Order::kForbidPublish && subject == "test.bus") {
      say(from, "-ERR 'Permissions Violation for Publish to \"test.bus\"'\r\n");
      return;
    }
    if (order_ == Order::kSwallowQuestions && subject != "test.bus" && from.subscriptions.size() == 1) {
      return;
    }
    for (const Client& client : clients_) {
      for (const auto& [pattern, id] : client.subscriptions) {
        const bool wild = pattern.ends_with(".*") && subject.starts_with(pattern.substr(0, pattern.size() - 1));
        if (wild || pattern == subject) {
          say(client, "MSG " + subject + " " + id + " " + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n");
        }
      }
    }
  }

  const Order order_;
  net::Fd listener_;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<bool> cut_{false};
  std::vector<Client> clients_;
  std::thread thread_;
};

class NatsLinkTest : public testing::Test, protected LinkEvents, protected net::TurnHandler {
 protected:
  void open(const FakeServer& server) {
    Settings settings;
    settings.kind = BusKind::kNats;
    settings.name_space = "test";
    settings.nats.servers = {server.address()};
    settings.nats.username = "somebody";
    settings.nats.password = "x";
    link_ = make_nats_link(loop_, *this, settings);
    ASSERT_TRUE(link_->open());
  }
  void TearDown() override {
    if (link_) {
      link_->close();
    }
  }
  template <class Condition>
  bool turn_until(Condition&& condition, MonotonicMs most_ms = 10'000) {
    for (const MonotonicMs end = monotonic_ms() + most_ms; !condition() && monotonic_ms() < end;) {
      loop_.turn(*this, 20);
    }
    return condition();
  }
  bool down_tells(std::string_view text) {
    return turn_until([&] { return reason_.find(text) != std::string::npos; });
  }
  bool come_up() {
    return turn_until([this] { return up_; });
  }

  void on_up() override { up_ = true; }
  void on_down(std::string_view reason) override {
    up_ = false;
    reason_ = reason;
  }
  void on_record(std::string_view bytes, std::string_view) override {
    records_.emplace_back(bytes);
    if (pause_at_ == records_.size()) {
      link_->pause();
    }
  }
  void on_sent(std::uint64_t number, SendResult result) override { sent_.emplace_back(number, result); }
  void on_gap(std::string_view) override { ++gaps_; }
  void drain_mail() override {}
  void on_timers(MonotonicMs now) override { loop_.timers().expire(now); }
  void flush() override { link_->flush(); }
  void destroy_closed() override { link_->release(); }
  bool has_work() const override { return false; }

  net::EventLoop loop_;
  std::unique_ptr<Link> link_;
  bool up_ = false;
  std::string reason_;
  std::vector<std::string> records_;
  std::vector<std::pair<std::uint64_t, SendResult>> sent_;
  std::size_t pause_at_ = 0;
  int gaps_ = 0;
};

TEST_F(NatsLinkTest, ConfirmsInOrderWhatTheServerHasHandled) {
  const FakeServer server(Order::kWork);
  open(server);
  ASSERT_TRUE(come_up());
  for (std::uint64_t number = 1; number <= 100; ++number) {
    link_->send({number, 0, "record " + std::to_string(number)});
  }
  ASSERT_TRUE(turn_until([this] { return sent_.size() == 100 && records_.size() == 100; }));
  for (std::uint64_t number = 1; number <= 100; ++number) {
    EXPECT_EQ(sent_[number - 1], std::pair(number, SendResult::kStored));
    EXPECT_EQ(records_[number - 1], "record " + std::to_string(number));
  }
  EXPECT_EQ(gaps_, 0);
}

TEST_F(NatsLinkTest, RefusesARecordBeyondTheServersLimitAndNoOther) {
  const FakeServer server(Order::kWork);
  open(server);
  ASSERT_TRUE(come_up());
  EXPECT_EQ(link_->largest_record(), 1000u);
  link_->send({1, 0, std::string(1001, 'x')});
  EXPECT_TRUE(sent_.empty()) << "called back inside send()";
  link_->send({2, 0, std::string(1000, 'x')});
  link_->send({3, 0, ""});
  ASSERT_TRUE(turn_until([this] { return sent_.size() == 3; }));
  EXPECT_THAT(sent_, testing::ElementsAre(std::pair(1u, SendResult::kRefused), std::pair(2u, SendResult::kStored),
                                          std::pair(3u, SendResult::kStored)));
}

TEST_F(NatsLinkTest, ConfirmsNothingThatTheUserMayNotPublish) {
  const FakeServer server(Order::kForbidPublish);
  open(server);
  ASSERT_TRUE(come_up());
  link_->send({1, 0, "record"});
  ASSERT_TRUE(down_tells("Permissions Violation for Publish"));
  EXPECT_THAT(reason_, HasSubstr("bus.nats.password"));
  EXPECT_TRUE(sent_.empty());
}

TEST_F(NatsLinkTest, DoesNotComeUpWhenTheUserMayNotSubscribe) {
  const FakeServer server(Order::kForbidSubscribe);
  open(server);
  ASSERT_TRUE(down_tells("Permissions Violation for Subscription"));
  EXPECT_FALSE(up_);
  EXPECT_EQ(gaps_, 0) << "nothing was received before";
}

TEST_F(NatsLinkTest, CountsOneGapForALostConnectionAndComesBack) {
  FakeServer server(Order::kWork);
  open(server);
  ASSERT_TRUE(come_up());
  server.cut();
  ASSERT_TRUE(down_tells("bus.nats.servers: lost 127.0.0.1"));
  ASSERT_TRUE(come_up());
  EXPECT_EQ(gaps_, 1);
  link_->send({7, 0, "after"});
  ASSERT_TRUE(turn_until([this] { return !records_.empty() && !sent_.empty(); }));
}

TEST_F(NatsLinkTest, GivesUpAServerThatTakesRecordsAndDoesNotAnswer) {
  const FakeServer server(Order::kSwallowQuestions);
  open(server);
  ASSERT_TRUE(come_up());
  link_->send({1, 0, "record"});
  ASSERT_TRUE(down_tells("no answer for 6000 ms"));
  EXPECT_TRUE(sent_.empty());
}

TEST_F(NatsLinkTest, HandsOverNothingWhilePausedAndAllOfItLater) {
  const FakeServer server(Order::kWork);
  open(server);
  ASSERT_TRUE(come_up());
  pause_at_ = 3;
  for (std::uint64_t number = 1; number <= 50; ++number) {
    link_->send({number, 0, "record"});
  }
  ASSERT_TRUE(turn_until([this] { return sent_.size() == 50; })) << "confirmations wait behind what is not read";
  EXPECT_EQ(records_.size(), 3u);
  link_->resume();
  EXPECT_TRUE(turn_until([this] { return records_.size() == 50; }));
}

TEST_F(NatsLinkTest, IsSilentAfterCloseInTheMiddleOfAReconnect) {
  FakeServer server(Order::kWork);
  open(server);
  ASSERT_TRUE(come_up());
  server.cut();
  ASSERT_TRUE(turn_until([this] { return !up_; }));
  link_->close();
  reason_ = "none";
  EXPECT_FALSE(turn_until([this] { return up_ || reason_ != "none"; }, 300));
}

TEST_F(NatsLinkTest, RefusesANamespaceThatIsNoSubject) {
  Settings settings;
  settings.name_space = "a b";
  link_ = make_nats_link(loop_, *this, settings);
  const Result<> opened = link_->open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("bus.namespace"));
}

}  // namespace
}  // namespace pushwire::bus
