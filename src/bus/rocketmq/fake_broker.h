// FakeBroker: a name server and broker in one, on a free port of this machine, that does what a test tells it: real
// ones cannot be made to fail at will. For tests; on the test's own thread.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bus/rocketmq/byte_order.h"
#include "bus/rocketmq/frame.h"
#include "bus/rocketmq/message.h"
#include "bus/rocketmq/request.h"
#include "net/fd.h"

namespace pushwire::bus::rocketmq {

class FakeBroker {
 public:
  struct Asked {
    int connection = -1;
    Header header;
    std::string body;
    std::int64_t number(std::string_view name) const { return header.integer(name).value_or(-1); }
  };
  // True: it has dealt with the request, or left it unanswered on purpose.
  using Script = std::function<bool(const Asked&)>;

  explicit FakeBroker(std::uint16_t port = 0) { listen(port); }
  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // What it does with requests of a code; without a script it is a broker in good health.
  std::map<RequestCode, Script> scripts;
  std::uint32_t queues = 2;
  std::int64_t perm = 6;
  std::string name = "broker-a";
  std::map<std::int64_t, std::vector<std::string>> stored;  // bodies by queue, probes left out
  std::map<std::int64_t, std::int64_t> first_offset;        // of the queue's first message
  std::vector<Asked> asked;
  std::size_t accepted = 0;

  std::size_t count(RequestCode code) const {
    std::size_t sum = 0;
    for (const Asked& one : asked) {
      sum += one.header.code == static_cast<int>(code) ? 1 : 0;
    }
    return sum;
  }

  // Takes, reads and answers what is there, without waiting.
  void poll() {
    while (listener_.get() >= 0) {
      const int taken = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (taken < 0) {
        break;
      }
      ++accepted;
      connections_.try_emplace(taken, Connection{net::Fd(taken), {}});
    }
    for (auto at = connections_.begin(); at != connections_.end();) {
      at = read(at->first, at->second) ? std::next(at) : connections_.erase(at);
    }
    wake_pulls();
  }

  using Fields = std::vector<std::pair<std::string, std::string>>;
  void answer(const Asked& to, int code, const Fields& fields = {}, std::string_view body = {}) {
    const std::vector<Field> views(fields.begin(), fields.end());
    std::string frame;
    append_request(frame, {.code = code, .opaque = to.header.opaque, .flag = Header::kAnswer}, views, body);
    write(to.connection, frame);
  }
  void answer_pull(const Asked& to, int code, std::int64_t next, std::int64_t max, std::string_view body = {}) {
    answer(to, code,
           {{"nextBeginOffset", std::to_string(next)}, {"minOffset", "0"}, {"maxOffset", std::to_string(max)}}, body);
  }
  void write(int connection, std::string_view bytes) {
    (void)::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  // As kill -9 does; listen() brings it back.
  void die() {
    parked_.clear();
    connections_.clear();
    listener_ = net::Fd();
  }
  void drop_connections() {
    parked_.clear();
    connections_.clear();
  }
  void listen(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    listener_ = net::Fd(fd);
    const int on = 1;
    (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    (void)::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
    (void)::listen(fd, 16);
    (void)::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  void restart() { listen(port_); }

  // One message as a pull brings it.
  static std::string message(std::string_view body, std::string_view tag = kTag) {
    const std::string properties = "TAGS\x01" + std::string(tag) + "\x02";
    std::string rest("\xDA\xA3\x20\xA7", 4);
    rest.append(80 - 4, '\0').append(big_endian(body.size(), 4)).append(body);
    rest.append("\x01t").append(big_endian(properties.size(), 2)).append(properties);
    return big_endian(rest.size() + 4, 4) + rest;
  }
  static std::string big_endian(std::size_t value, int bytes) {
    std::string text;
    for (int at = bytes - 1; at >= 0; --at) {
      text += static_cast<char>(value >> (8 * at) & 0xFF);
    }
    return text;
  }

 private:
  struct Connection {
    net::Fd fd;
    FrameReader reader;
  };

  bool read(int fd, Connection& connection) {
    char buffer[65536];
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
      return got < 0;
    }
    std::string_view rest(buffer, static_cast<std::size_t>(got));
    for (;;) {
      const auto frame = connection.reader.next(rest);
      if (!frame || !*frame) {
        return frame.has_value();
      }
      const Result<Header> header = decode_header(**frame);
      if (!header) {
        return false;
      }
      asked.push_back({fd, *header, std::string((*frame)->body)});
      const Asked copy = asked.back();
      const auto script = scripts.find(static_cast<RequestCode>(header->code));
      if (header->is_answer() || (script != scripts.end() && script->second(copy))) {
        continue;
      }
      do_well(copy);
    }
  }

  void do_well(const Asked& request) {
    const std::int64_t queue = request.number("queueId");
    switch (static_cast<RequestCode>(request.header.code)) {
      case RequestCode::kRoute:
        answer(request, 0, {}, route());
        break;
      case RequestCode::kMaxOffset:
      case RequestCode::kOffsetAtTime: {
        const bool is_max = static_cast<RequestCode>(request.header.code) == RequestCode::kMaxOffset;
        answer(request, 0, {{"offset", std::to_string(is_max ? max(queue) : first_offset[queue])}});
        break;
      }
      case RequestCode::kPull:
        parked_.push_back(request);
        break;
      case RequestCode::kSend:
      case RequestCode::kSendBatch:
        store(request);
        answer(request, 0);
        break;
      case RequestCode::kCreateTopic:
        answer(request, 0);
        break;
    }
  }

  void store(const Asked& request) {
    std::vector<std::string>& queue = stored[request.number("e")];
    if (static_cast<RequestCode>(request.header.code) == RequestCode::kSend) {
      if (request.header.field("i")->find("probe") == std::string_view::npos) {
        queue.push_back(request.body);
      }
      return;
    }
    for (std::string_view rest = request.body; rest.size() >= 22;) {
      queue.emplace_back(rest.substr(20, load_u32(rest.data() + 16)));
      rest.remove_prefix(load_u32(rest.data()));
    }
  }

  std::int64_t max(std::int64_t queue) { return first_offset[queue] + static_cast<std::int64_t>(stored[queue].size()); }

  // Answers pulls that found something, or that may not wait.
  void wake_pulls() {
    for (std::deque<Asked> waiting = std::exchange(parked_, {}); !waiting.empty(); waiting.pop_front()) {
      const Asked& pull = waiting.front();
      const std::int64_t queue = pull.number("queueId");
      const std::int64_t offset = pull.number("queueOffset");
      if (offset < first_offset[queue] || offset > max(queue)) {
        answer_pull(pull, answer::kPullOffsetMoved, offset > max(queue) ? max(queue) : first_offset[queue], max(queue));
      } else if (offset < max(queue)) {
        std::string body;
        for (std::int64_t at = offset; at < max(queue); ++at) {
          body += message(stored[queue][static_cast<std::size_t>(at - first_offset[queue])]);
        }
        answer_pull(pull, answer::kOk, max(queue), max(queue), body);
      } else if ((pull.number("sysFlag") & 2) == 0) {
        answer_pull(pull, answer::kPullNotFound, offset, max(queue));
      } else {
        parked_.push_back(pull);
      }
    }
  }

  std::string route() const {
    const std::string number = std::to_string(queues);
    return R"({"brokerDatas":[{"brokerAddrs":{"0":")" + address() + R"("},"brokerName":")" + name +
           R"("}],"queueDatas":[{"brokerName":")" + name + R"(","perm":)" + std::to_string(perm) +
           R"(,"readQueueNums":)" + number + R"(,"writeQueueNums":)" + number + "}]}";
  }

  net::Fd listener_;
  std::uint16_t port_ = 0;
  std::map<int, Connection> connections_;
  std::deque<Asked> parked_;
};

}  // namespace pushwire::bus::rocketmq
