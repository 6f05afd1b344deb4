// For tests only: a Redis server that keeps to a script, to bring about faults that the real one has only by chance.
// It lives in the test's own loop: poll() lets it accept, read and answer.
#pragma once

#include <charconv>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bus/redis/stream_id.h"
#include "net/stream_test_support.h"

namespace pushwire::bus::redis::test {

using Words = std::vector<std::string>;

inline std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}
inline std::string array(const std::vector<std::string>& elements) {
  std::string text = "*" + std::to_string(elements.size()) + "\r\n";
  for (const std::string& element : elements) {
    text += element;
  }
  return text;
}

class FakeServer {
 public:
  // What the script answers; empty: nothing at all. nullopt-like "?" stands for: as a well server would.
  static constexpr const char* kAsUsual = "?";
  std::function<std::string(const Words&)> script = [](const Words&) { return std::string(kAsUsual); };

  struct Entry {
    StreamId id;
    std::string bytes;
  };
  std::vector<Entry> stream;
  bool stream_exists = false;
  StreamId last_id{1'700'000'000'000, 0};
  std::vector<Words> heard;  // all commands, in the order in which they came
  bool deaf = false;         // reads nothing

  std::string address() const { return server_.endpoint().to_string(); }
  std::size_t clients() const { return clients_.size(); }

  void poll() {
    while (!deaf && server_.someone_waits()) {
      clients_.push_back(std::make_unique<Client>(server_.accept()));
    }
    for (std::size_t i = 0; i < clients_.size() && !deaf; ++i) {
      serve(*clients_[i]);
    }
    std::erase_if(clients_, [](const auto& client) { return client->gone; });
  }
  void hang_up() { clients_.clear(); }
  void add(const std::string& bytes) {
    last_id = {last_id.ms + 1, 0};
    stream_exists = true;
    stream.push_back({last_id, bytes});
  }
  int count(std::string_view command) const {
    int found = 0;
    for (const Words& words : heard) {
      found += words[0] == command ? 1 : 0;
    }
    return found;
  }
  // To every subscriber.
  int send_out(std::string_view channel, std::string_view bytes) {
    int receivers = 0;
    for (const auto& client : clients_) {
      if (client->subscribed) {
        say(*client, array({bulk("message"), bulk(channel), bulk(bytes)}));
        ++receivers;
      }
    }
    return receivers;
  }
  // To those who read the stream.
  void say_to_readers(std::string_view bytes) {
    for (const auto& client : clients_) {
      if (client->reads) {
        say(*client, bytes);
      }
    }
  }
  void say_to_all(std::string_view bytes) {
    for (const auto& client : clients_) {
      say(*client, bytes);
    }
  }

 private:
  struct Client {
    explicit Client(net::Fd peer) : fd(std::move(peer)) {}
    net::Fd fd;
    std::string in;
    bool subscribed = false;
    bool reads = false;
    bool gone = false;
    std::string reading;  // the id after which a blocked XREAD waits
  };

  static void say(Client& client, std::string_view bytes) {
    if (::send(client.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
      client.gone = true;
    }
  }

  void serve(Client& client) {
    if (net::test::TestServer::readable(client.fd.get(), 0)) {
      const std::string more = net::test::TestServer::read_some(client.fd.get(), std::size_t{1} << 20);
      client.gone = more.empty();
      client.in += more;
    }
    for (Words words; next_command(client.in, words); words.clear()) {
      heard.push_back(words);
      client.reads = client.reads || words[0] == "XREAD";
      const std::string answer = script(words);
      say(client, answer == kAsUsual ? usual(client, words) : answer);
    }
    if (!client.reading.empty()) {
      say(client, read_answer(client));
    }
  }

  static bool next_command(std::string& in, Words& words) {
    std::size_t at = 0;
    const auto number = [&](char kind, std::size_t& value) {
      const std::size_t end = in.find("\r\n", at);
      if (end == in.npos || in[at] != kind) {
        return false;
      }
      std::from_chars(in.data() + at + 1, in.data() + end, value);
      at = end + 2;
      return true;
    };
    std::size_t count = 0;
    if (in.empty() || !number('*', count)) {
      return false;
    }
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t size = 0;
      if (at >= in.size() || !number('$', size) || in.size() - at < size + 2) {
        return false;
      }
      words.push_back(in.substr(at, size));
      at += size + 2;
    }
    in.erase(0, at);
    return true;
  }

  std::string usual(Client& client, const Words& words) {
    const std::string& command = words[0];
    if (command == "AUTH") {
      return "+OK\r\n";
    }
    if (command == "PING") {
      return client.subscribed ? array({bulk("pong"), bulk("")}) : "+PONG\r\n";
    }
    if (command == "SUBSCRIBE") {
      client.subscribed = true;
      return array({bulk("subscribe"), bulk(words[1]), ":1\r\n"});
    }
    if (command == "PUBLISH") {
      return ":" + std::to_string(send_out(words[1], words[2])) + "\r\n";
    }
    if (command == "XADD") {
      add(words.back());
      return bulk(last_id.to_string());
    }
    if (command == "XINFO") {
      return info();
    }
    if (command == "XREAD") {
      client.reading = words.back();
      return "";
    }
    return "-ERR unknown command\r\n";
  }

  static std::string entry_text(const Entry& entry) {
    return array({bulk(entry.id.to_string()), array({bulk("r"), bulk(entry.bytes)})});
  }
  std::string info() const {
    if (!stream_exists) {
      return "-ERR no such key\r\n";
    }
    return array({bulk("length"), ":" + std::to_string(stream.size()) + "\r\n", bulk("last-generated-id"),
                  bulk(last_id.to_string()), bulk("first-entry"),
                  stream.empty() ? "$-1\r\n" : entry_text(stream.front())});
  }
  std::string read_answer(Client& client) const {
    const StreamId after = *parse_stream_id(client.reading);
    std::vector<std::string> entries;
    for (const Entry& entry : stream) {
      if (entry.id > after) {
        entries.push_back(entry_text(entry));
      }
    }
    if (entries.empty()) {
      return "";
    }
    client.reading.clear();
    return array({array({bulk("s"), array(entries)})});
  }

  net::test::TestServer server_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace pushwire::bus::redis::test
