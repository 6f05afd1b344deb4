// ZooKeeperSession: one handle of ZooKeeper's C client, whose two threads it keeps away from the caller: what they call
// back comes as a value. Requests and take() on the owner's thread. What waits to be taken is bounded by what was asked
// for.
#pragma once

#include <zookeeper/zookeeper.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bus/zookeeper/znode_tree.h"

namespace pushwire::bus {

class ZooKeeperSession final : public ZNodeTree {
 public:
  // A server answers pings three times in this; without an answer for two thirds of it the client looks for another.
  static constexpr int kTimeoutMs = 6'000;

  // Begins to connect; `wake_fd`, an eventfd, is told of events. `servers` are addresses: with names the library would
  // ask the resolver, here and on a thread that the destructor waits for (ServerLookup).
  static Result<std::unique_ptr<ZNodeTree>> open(const std::string& servers, int wake_fd);
  ZooKeeperSession(const ZooKeeperSession&) = delete;
  ZooKeeperSession& operator=(const ZooKeeperSession&) = delete;
  // Ends both threads; waits up to 3 s for a server that does not take its goodbye.
  ~ZooKeeperSession() override;

  std::vector<ZooKeeperEvent> take() override;

  int make(const std::string& path, std::string_view data, int flags, std::uint64_t tag) override;
  int read(const std::string& path, std::uint64_t tag) override;
  int exists(const std::string& path, std::uint64_t tag) override;
  int children(const std::string& path, std::uint64_t tag) override;
  int remove(const std::string& path, std::uint64_t tag) override;

 private:
  // What a request carries through the library.
  struct Call {
    ZooKeeperSession* session;
    ZooKeeperReply kind;
    std::uint64_t tag;
  };

  explicit ZooKeeperSession(int wake_fd) : wake_fd_(wake_fd) {}
  static void answer(const void* call, ZooKeeperEvent event);
  void post(ZooKeeperEvent event);
  Call* call(ZooKeeperReply kind, std::uint64_t tag);
  int sent(int code, Call* call);

  static void on_watch(zhandle_t*, int type, int state, const char* path, void* context);
  static void on_made(int code, const char* path, const void* call);
  static void on_data(int code, const char* value, int size, const Stat*, const void* call);
  static void on_exists(int code, const Stat* stat, const void* call);
  static void on_children(int code, const String_vector* names, const void* call);
  static void on_removed(int code, const void* call);

  const int wake_fd_;
  zhandle_t* handle_ = nullptr;
  std::mutex mutex_;
  std::vector<ZooKeeperEvent> events_;                            // guarded by mutex_
  std::unordered_map<const Call*, std::unique_ptr<Call>> calls_;  // without an answer yet; guarded by mutex_
};

}  // namespace pushwire::bus
