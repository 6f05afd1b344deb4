#include "bus/rocketmq/request.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "bus/rocketmq/frame.h"

namespace pushwire::bus::rocketmq {
namespace {

// Bits of a pull's sysFlag. With the third the request brings its own subscription, and no consumer is registered.
constexpr int kMaySuspend = 2;
constexpr int kHasSubscription = 4;
// The topic that brokers make new ones like.
constexpr std::string_view kTemplateTopic = "TBW102";

}  // namespace

Request& Request::with(std::string_view name, std::string_view value) {
  fields.emplace_back(name, value);
  return *this;
}

Request& Request::with(std::string_view name, std::int64_t value) {
  fields.emplace_back(name, std::to_string(value));
  return *this;
}

Request route_request(std::string_view topic) {
  Request request{RequestCode::kRoute, {}};
  request.with("topic", topic).with("acceptStandardJsonOnly", "true");
  return request;
}

Request max_offset_request(std::string_view topic, std::uint32_t queue) {
  Request request{RequestCode::kMaxOffset, {}};
  request.with("topic", topic).with("queueId", queue);
  return request;
}

Request offset_at_request(std::string_view topic, std::uint32_t queue, WallMs time) {
  Request request{RequestCode::kOffsetAtTime, {}};
  request.with("topic", topic).with("queueId", queue).with("timestamp", time);
  return request;
}

Request pull_request(const PullRequest& pull) {
  Request request{RequestCode::kPull, {}};
  request.fields.reserve(13);
  request.with("consumerGroup", pull.group)
      .with("topic", pull.topic)
      .with("queueId", pull.queue)
      .with("queueOffset", pull.offset)
      .with("maxMsgNums", pull.most)
      .with("sysFlag", kHasSubscription | (pull.suspend_ms > 0 ? kMaySuspend : 0))
      .with("commitOffset", std::int64_t{0})
      .with("suspendTimeoutMillis", pull.suspend_ms)
      .with("subscription", pull.tags)
      .with("subVersion", std::int64_t{0})
      .with("expressionType", "TAG");
  return request;
}

Request send_request(const SendRequest& send) {
  Request request{send.form == SendForm::kBatch ? RequestCode::kSendBatch : RequestCode::kSend, {}};
  request.fields.reserve(14);
  request.with("a", send.group)
      .with("b", send.topic)
      .with("c", kTemplateTopic)
      .with("d", std::int64_t{4})
      .with("e", send.queue)
      .with("f", std::int64_t{0})
      .with("g", send.born)
      .with("h", std::int64_t{0})
      .with("i", send.properties)
      .with("j", std::int64_t{0})
      .with("k", "false")
      .with("m", send.form == SendForm::kBatch ? "true" : "false");
  return request;
}

Request create_topic_request(std::string_view topic, int queues) {
  Request request{RequestCode::kCreateTopic, {}};
  request.with("topic", topic)
      .with("defaultTopic", kTemplateTopic)
      .with("readQueueNums", queues)
      .with("writeQueueNums", queues)
      .with("perm", std::int64_t{6})
      .with("topicFilterType", "SINGLE_TAG")
      .with("topicSysFlag", std::int64_t{0})
      .with("order", "false");
  return request;
}

std::string signature_of(const Request& request, std::string_view body, std::string_view secret_key) {
  std::vector<const std::pair<std::string, std::string>*> ordered;
  ordered.reserve(request.fields.size());
  for (const auto& field : request.fields) {
    ordered.push_back(&field);
  }
  std::sort(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  std::string content;
  for (const auto* field : ordered) {
    content += field->second;
  }
  content += body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  HMAC(EVP_sha1(), secret_key.data(), static_cast<int>(secret_key.size()),
       reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data(), &size);
  return base64_encode({reinterpret_cast<const char*>(digest.data()), size});
}

void append_frame(std::string& out, const Request& request, std::uint32_t opaque, std::string_view body,
                  const Credentials& credentials) {
  const RequestHead head{.code = static_cast<int>(request.code), .opaque = opaque};
  if (credentials.empty()) {
    const std::vector<Field> fields(request.fields.begin(), request.fields.end());
    append_request(out, head, fields, body);
    return;
  }
  Request signed_request = request;
  signed_request.with("AccessKey", credentials.access_key);
  const std::string signature = signature_of(signed_request, body, credentials.secret_key);
  signed_request.with("Signature", signature);
  const std::vector<Field> fields(signed_request.fields.begin(), signed_request.fields.end());
  append_request(out, head, fields, body);
}

}  // namespace pushwire::bus::rocketmq
