// FakeServer: a NATS server of a few lines that misbehaves on order, and answers for JetStream what it was told to. For
// tests only: faults that the real server shows by chance. The contract suite is for the real one.
// Speaks https://docs.nats.io/reference/reference-protocols/nats-protocol as far as one subject and inboxes go.
// Thread: serves on one of its own; all public calls from the test's. Lifetime: the destructor ends the thread.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bus/nats/fake_message.h"
#include "net/fd.h"

namespace pushwire::bus::nats {

// What the server does with subject "test.bus", or with the questions of a client that has one subscription only.
enum class Order : std::uint8_t { kWork, kForbidPublish, kForbidSubscribe, kSwallowQuestions };

class FakeServer {
 public:
  using Message = FakeMessage;

  explicit FakeServer(Order order, std::size_t max_payload = 1000)
      : order_(order), max_payload_(max_payload), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
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
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;
  ~FakeServer() {
    stop_ = true;
    thread_.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void cut() { cut_ = true; }

  // From now on requests on "$JS.API.<api>.<name>", or on the subject `api`, are answered with `json`; empty: not at
  // all. An api without an answer has nobody behind it.
  void answer(const std::string& api, std::string json) {
    const std::lock_guard lock(mutex_);
    answers_[api] = std::move(json);
  }
  // Sends it to whoever has subscribed.
  void push(Message message) {
    const std::lock_guard lock(mutex_);
    pushed_.push_back(std::move(message));
  }
  // A record as a stream's consumer sends it: its number in the stream, and among what the consumer has sent.
  void push_record(const std::string& subject, std::uint64_t stream, std::uint64_t consumer, std::string bytes) {
    push({subject, "$JS.ACK.test.c.1." + std::to_string(stream) + "." + std::to_string(consumer) + ".1700000000.0", "",
          std::move(bytes)});
  }
  // `status` as in "100 Idle Heartbeat"; `more` are lines of further headers.
  void push_control(const std::string& subject, const std::string& status, const std::string& more = "",
                    const std::string& reply = "") {
    push({subject, reply, "NATS/1.0 " + status + "\r\n" + more + "\r\n", ""});
  }
  // What clients published to subjects that begin so, in the order in which it was handled.
  std::vector<Message> received(std::string_view prefix) const {
    const std::lock_guard lock(mutex_);
    std::vector<Message> found;
    std::copy_if(received_.begin(), received_.end(), std::back_inserter(found),
                 [prefix](const Message& message) { return message.subject.starts_with(prefix); });
    return found;
  }

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
      for (const Message& message : take_pushed()) {
        hand_on(message);
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
        say(clients_.back(), R"(INFO {"server_id":"x","version":"2.9.0","headers":true,"max_payload":)" +
                                 std::to_string(max_payload_) + "}\r\n");
      }
    }
  }
  std::vector<Message> take_pushed() {
    const std::lock_guard lock(mutex_);
    return std::exchange(pushed_, {});
  }
  // To one who may have hung up.
  static void say(const Client& client, std::string_view text) {
    (void)::send(client.fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  static std::vector<std::string> words(const std::string& line) {
    std::istringstream in(line);
    std::vector<std::string> found;
    for (std::string word; in >> word;) {
      found.push_back(word);
    }
    return found;
  }

  bool serve(Client& client) {
    std::array<char, 65'536> buffer;
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
      } else if (line.starts_with("PUB ") || line.starts_with("HPUB ")) {
        // PUB subject [reply] length, HPUB subject [reply] length-of-headers length-of-all
        const std::vector<std::string> part = words(line);
        const std::size_t lengths = line.front() == 'H' ? 2 : 1;
        const std::size_t length = std::stoul(part.back());
        if (client.in.size() < used + length + 2) {
          return true;
        }
        const std::size_t headers = lengths == 2 ? std::stoul(part[part.size() - 2]) : 0;
        publish(client, {part[1], part.size() > 2 + lengths ? part[2] : "", client.in.substr(used, headers),
                         client.in.substr(used + headers, length - headers)});
        used += length + 2;
      }
      client.in.erase(0, used);
    }
    return true;
  }
  void subscribe(Client& client, const std::string& line) {
    const std::vector<std::string> part = words(line);
    if (order_ == Order::kForbidSubscribe && part[1] == "test.bus") {
      say(client, "-ERR 'Permissions Violation for Subscription to \"test.bus\"'\r\n");
      return;
    }
    client.subscriptions.emplace_back(part[1], part.back());
  }
  void publish(Client& from, const Message& message) {
    if (order_ == Order::kForbidPublish && message.subject == "test.bus") {
      say(from, "-ERR 'Permissions Violation for Publish to \"test.bus\"'\r\n");
      return;
    }
    std::string answer;
    bool somebody = false;
    {
      const std::lock_guard lock(mutex_);
      received_.push_back(message);
      for (const auto& [api, json] : answers_) {
        if (message.subject == api || message.subject.starts_with("$JS.API." + api + ".")) {
          answer = json;
          somebody = true;
        }
      }
    }
    if (order_ == Order::kSwallowQuestions && message.subject != "test.bus" && from.subscriptions.size() == 1) {
      return;
    }
    somebody = hand_on(message) || somebody;
    if (!answer.empty()) {
      hand_on({message.reply, "", "", answer});
    } else if (!somebody && !message.reply.empty()) {
      hand_on({message.reply, "", "NATS/1.0 503\r\n\r\n", ""});
    }
  }
  // False when nobody listens.
  bool hand_on(const Message& message) const {
    bool somebody = false;
    for (const Client& client : clients_) {
      for (const auto& [pattern, id] : client.subscriptions) {
        if (matches(pattern, message.subject)) {
          say(client, text_of(message, id));
          somebody = true;
        }
      }
    }
    return somebody;
  }
  // "a.*" stands for one more token.
  static bool matches(std::string_view pattern, std::string_view subject) {
    if (!pattern.ends_with(".*")) {
      return pattern == subject;
    }
    pattern.remove_suffix(1);
    return subject.starts_with(pattern) && subject.find('.', pattern.size()) == std::string_view::npos;
  }
  static std::string text_of(const Message& message, const std::string& id) {
    const std::size_t headers = message.headers.size();
    return (headers == 0 ? "MSG " : "HMSG ") + message.subject + " " + id + " " +
           (message.reply.empty() ? "" : message.reply + " ") + (headers == 0 ? "" : std::to_string(headers) + " ") +
           std::to_string(headers + message.bytes.size()) + "\r\n" + message.headers + message.bytes + "\r\n";
  }

  const Order order_;
  const std::size_t max_payload_;
  net::Fd listener_;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<bool> cut_{false};
  mutable std::mutex mutex_;
  std::map<std::string, std::string> answers_;  // guarded by mutex_
  std::vector<Message> pushed_;                 // guarded by mutex_
  std::vector<Message> received_;               // guarded by mutex_
  std::vector<Client> clients_;                 // the thread's own
  std::thread thread_;
};

}  // namespace pushwire::bus::nats
