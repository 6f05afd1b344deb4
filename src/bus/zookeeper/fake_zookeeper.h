// For tests only: a ZooKeeper server in memory, with sessions that answer at once. What happens to real servers now and
// then is a call here.
#pragma once

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bus/zookeeper/sequence_name.h"
#include "bus/zookeeper/znode_tree.h"

namespace pushwire::bus::test {

class FakeZooKeeper {
 public:
  // Where a link looks for its server: `wake_fd` is told of events.
  Result<std::unique_ptr<ZNodeTree>> open(const std::string& servers, int wake_fd) {
    ++opened;
    asked_for = servers;
    return std::unique_ptr<ZNodeTree>(new Session(*this, wake_fd));
  }

  int opened = 0;
  std::string asked_for;

  // Requests of this kind for this path fail so, as often.
  void fail(ZooKeeperReply kind, std::string path, int code, int times) {
    faults_[{kind, std::move(path)}] = {code, times};
  }

  // By another client. "<parent>/m-" is numbered.
  std::string put(const std::string& path, std::string_view data) {
    std::string made;
    EXPECT_EQ(make(path, data, path.ends_with("/m-") ? ZOO_SEQUENCE : 0, made), ZOK) << path;
    return made;
  }
  bool has(const std::string& path) const { return nodes_.count(path) != 0; }
  // With all below it.
  void erase_tree(const std::string& path) {
    const auto is_in = [&](const std::string& each) { return each == path || each.starts_with(path + "/"); };
    std::vector<std::string> gone;
    for (const auto& [each, node] : nodes_) {
      if (is_in(each)) {
        gone.push_back(each);
      }
    }
    std::for_each(gone.rbegin(), gone.rend(), [this](const std::string& each) { erase(each); });
  }
  // As if each had been lost.
  void forget_watches() {
    for (Session* session : sessions_) {
      session->forget_watches();
    }
  }
  void disconnect() { tell_all({.kind = ZooKeeperReply::kState, .code = ZOO_CONNECTING_STATE}); }
  void connect() { tell_all({.kind = ZooKeeperReply::kState, .code = ZOO_CONNECTED_STATE}); }
  void expire() { tell_all({.kind = ZooKeeperReply::kState, .code = ZOO_EXPIRED_SESSION_STATE}); }
  // As after `disconnect()`: nobody is told, and transactions are counted from the beginning, at another time.
  void lose_data() {
    nodes_.clear();
    transaction_ = 0;
    time_ms_ += 10'000;
  }

 private:
  struct Node {
    std::string data;
    ZNodeBirth birth;
    std::int32_t next = 0;
  };
  struct Fault {
    int code;
    int times;
  };

  class Session final : public ZNodeTree {
   public:
    Session(FakeZooKeeper& server, int wake_fd) : server_(server), wake_fd_(wake_fd) {
      server_.sessions_.push_back(this);
      tell({.kind = ZooKeeperReply::kState, .code = ZOO_CONNECTED_STATE});
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() override { std::erase(server_.sessions_, this); }

    std::vector<ZooKeeperEvent> take() override { return std::exchange(events_, {}); }
    int make(const std::string& path, std::string_view data, int flags, std::uint64_t tag) override {
      std::string made;
      const int code = server_.fault(ZooKeeperReply::kMade, path).value_or(ZOK);
      const int result = code == ZOK ? server_.make(path, data, flags, made) : code;
      return answer({.kind = ZooKeeperReply::kMade, .code = result, .tag = tag, .text = made});
    }
    int read(const std::string& path, std::uint64_t tag) override {
      const auto found = server_.nodes_.find(path);
      const bool is_there = found != server_.nodes_.end();
      return answer({.kind = ZooKeeperReply::kData,
                     .code = server_.fault(ZooKeeperReply::kData, path).value_or(is_there ? ZOK : ZNONODE),
                     .tag = tag,
                     .text = is_there ? found->second.data : ""});
    }
    int exists(const std::string& path, std::uint64_t tag) override {
      const auto found = server_.nodes_.find(path);
      const bool is_there = found != server_.nodes_.end();
      watched_.insert(path);
      return answer({.kind = ZooKeeperReply::kExists,
                     .code = server_.fault(ZooKeeperReply::kExists, path).value_or(is_there ? ZOK : ZNONODE),
                     .tag = tag,
                     .birth = is_there ? found->second.birth : ZNodeBirth{}});
    }
    int children(const std::string& path, std::uint64_t tag) override {
      ZooKeeperEvent event{.kind = ZooKeeperReply::kChildren,
                           .code = server_.fault(ZooKeeperReply::kChildren, path).value_or(ZOK),
                           .tag = tag};
      for (const auto& [each, node] : server_.nodes_) {
        if (each.starts_with(path + "/")) {
          event.names.push_back(each.substr(path.size() + 1));
        }
      }
      return answer(std::move(event));
    }
    int remove(const std::string& path, std::uint64_t tag) override {
      const int code = server_.has(path) ? ZOK : ZNONODE;
      server_.erase(path);
      return answer({.kind = ZooKeeperReply::kRemoved, .code = code, .tag = tag});
    }

    void tell(ZooKeeperEvent event) {
      events_.push_back(std::move(event));
      if (wake_fd_ >= 0) {
        (void)eventfd_write(wake_fd_, 1);
      }
    }
    void forget_watches() { watched_.clear(); }
    void tell_watch(const std::string& path, int type) {
      if (watched_.erase(path) != 0) {
        tell({.kind = ZooKeeperReply::kWatch, .code = type, .text = path});
      }
    }

   private:
    int answer(ZooKeeperEvent event) {
      tell(std::move(event));
      return ZOK;
    }

    FakeZooKeeper& server_;
    const int wake_fd_;
    std::vector<ZooKeeperEvent> events_;
    std::set<std::string> watched_;
  };

  std::optional<int> fault(ZooKeeperReply kind, const std::string& path) {
    const auto found = faults_.find({kind, path});
    if (found == faults_.end() || found->second.times == 0) {
      return std::nullopt;
    }
    --found->second.times;
    return found->second.code;
  }
  int make(const std::string& path, std::string_view data, int flags, std::string& made) {
    const std::string parent = path.substr(0, path.rfind('/'));
    const auto above = nodes_.find(parent);
    if (!parent.empty() && above == nodes_.end()) {
      return ZNONODE;
    }
    made = path;
    if (flags == ZOO_SEQUENCE) {
      made = parent + "/" + znode_name(above->second.next);
      above->second.next = number_after(above->second.next);
    }
    if (has(made)) {
      return ZNODEEXISTS;
    }
    nodes_[made] = {std::string(data), {++transaction_, ++time_ms_}, 0};
    tell_watches(made, ZOO_CREATED_EVENT);
    return ZOK;
  }
  void erase(const std::string& path) {
    if (nodes_.erase(path) != 0) {
      tell_watches(path, ZOO_DELETED_EVENT);
    }
  }
  void tell_watches(const std::string& path, int type) {
    for (Session* session : sessions_) {
      session->tell_watch(path, type);
    }
  }
  void tell_all(const ZooKeeperEvent& event) {
    for (Session* session : sessions_) {
      session->tell(event);
    }
  }

  std::map<std::string, Node> nodes_;
  std::map<std::pair<ZooKeeperReply, std::string>, Fault> faults_;
  std::vector<Session*> sessions_;
  std::int64_t transaction_ = 0;
  std::int64_t time_ms_ = 0;
};

}  // namespace pushwire::bus::test
