// ZNodeTree: what the adapter asks of ZooKeeper, and the answers as values. A ZooKeeperSession is the real one; tests
// have one in memory. Answers come in the order of the requests, and a watch after the answer that set it.
// Thread: its owner's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pushwire::bus {

enum class ZooKeeperReply : std::uint8_t { kState, kWatch, kMade, kData, kExists, kChildren, kRemoved };

// When a znode was made. Removed and made anew it has another one, also on servers that have lost their data: those
// count their transactions from the beginning again, but the time is another.
struct ZNodeBirth {
  std::int64_t transaction = 0;
  std::int64_t time_ms = 0;
  bool operator==(const ZNodeBirth&) const = default;
};

struct ZooKeeperEvent {
  ZooKeeperReply kind = ZooKeeperReply::kState;
  int code = 0;           // ZOK or why not; kState: the state (ZOO_CONNECTED_STATE …); kWatch: ZOO_DELETED_EVENT …
  std::uint64_t tag = 0;  // the request's
  std::string text{};     // kMade, kWatch: the path; kData: what the znode holds
  std::vector<std::string> names{};  // kChildren
  ZNodeBirth birth{};                // kExists with ZOK
};

class ZNodeTree {
 public:
  virtual ~ZNodeTree() = default;

  // What has come since the last time.
  virtual std::vector<ZooKeeperEvent> take() = 0;

  // Each is answered by one event with `tag`, unless it returns something other than ZOK.
  virtual int make(const std::string& path, std::string_view data, int flags, std::uint64_t tag) = 0;
  virtual int read(const std::string& path, std::uint64_t tag) = 0;
  // And a kWatch when it is made, removed or changed later.
  virtual int exists(const std::string& path, std::uint64_t tag) = 0;
  virtual int children(const std::string& path, std::uint64_t tag) = 0;
  virtual int remove(const std::string& path, std::uint64_t tag) = 0;
};

}  // namespace pushwire::bus
