// Requests that this node makes of name servers and brokers, with all the fields that they demand.
// Values and functions; any thread. Source: the request headers in org.apache.rocketmq.remoting.protocol.header.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace pushwire::bus::rocketmq {

enum class RequestCode : int {
  kPull = 11,
  kCreateTopic = 17,
  kOffsetAtTime = 29,
  kMaxOffset = 30,
  kRoute = 105,
  kSend = 310,
  kSendBatch = 320,
};

// What brokers and name servers answer (ResponseCode).
namespace answer {
constexpr int kOk = 0;
constexpr int kBusy = 2;
constexpr int kFlushDiskTimeout = 10;  // the next three: stored, but not yet as safely as configured
constexpr int kSlaveNotAvailable = 11;
constexpr int kFlushSlaveTimeout = 12;
constexpr int kMessageIllegal = 13;
constexpr int kServiceNotAvailable = 14;
constexpr int kNoPermission = 16;
constexpr int kTopicMissing = 17;
constexpr int kPullNotFound = 19;
constexpr int kPullRetryNow = 20;
constexpr int kPullOffsetMoved = 21;
constexpr int kGroupMissing = 26;
constexpr int kInvalidParameter = 29;
constexpr int kGoAway = 1500;
}  // namespace answer

// Both groups are names only: nothing is kept for them at the broker.
constexpr std::string_view kGroup = "pushwire";
// Tag of our messages, so that others may use the topic too.
constexpr std::string_view kTag = "push";

struct Request {
  RequestCode code;
  std::vector<std::pair<std::string, std::string>> fields;

  Request& with(std::string_view name, std::string_view value);
  Request& with(std::string_view name, std::int64_t value);
};

// Access control 2.0; empty: none.
struct Credentials {
  std::string access_key;
  std::string secret_key;
  bool empty() const noexcept { return access_key.empty(); }
};

Request route_request(std::string_view topic);
// The offset that the queue's next message will get.
Request max_offset_request(std::string_view topic, std::uint32_t queue);
// The offset of the first message stored at or after `time`.
Request offset_at_request(std::string_view topic, std::uint32_t queue, WallMs time);

struct PullRequest {
  std::string_view topic;
  std::uint32_t queue = 0;
  std::int64_t offset = 0;
  int most = 512;  // messages; the broker has a limit of its own too
  // How long the broker may hold the request while nothing comes; it answers up to 5 s later. 0: it answers at once.
  MonotonicMs suspend_ms = 0;
  std::string_view group = kGroup;
  std::string_view tags = kTag;  // "*": all
};
Request pull_request(const PullRequest& pull);

enum class SendForm : std::uint8_t { kSingle, kBatch };
struct SendRequest {
  std::string_view topic;
  std::uint32_t queue = 0;
  WallMs born = 0;
  SendForm form = SendForm::kSingle;
  std::string_view properties = {};  // of a single message
  std::string_view group = kGroup;
};
Request send_request(const SendRequest& send);
// Changes the numbers of queues if the topic is there: ask first.
Request create_topic_request(std::string_view topic, int queues);

// HMAC-SHA1 in Base64 of the values in the order of their names, then the body.
std::string signature_of(const Request& request, std::string_view body, std::string_view secret_key);
// Appends the frame, signed if there are credentials.
void append_frame(std::string& out, const Request& request, std::uint32_t opaque, std::string_view body,
                  const Credentials& credentials);

}  // namespace pushwire::bus::rocketmq
